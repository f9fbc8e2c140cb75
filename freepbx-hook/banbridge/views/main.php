<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
// The page. Its texts are here and in strings.php; its data comes by ajax.
$given = array(
	'strings' => include __DIR__ . '/strings.php',
	'sentences' => \FreePBX\modules\Banbridge\Sentences::all(),
	'configured' => $configured,
	'token' => $token,
	'may_change' => $may_change,
	'address' => $address,
);
$tabs = array(
	'overview' => _('Overview'),
	'blocked' => _('Blocked'),
	'rejected' => _('Rejected'),
	'attackers' => _('Attackers'),
	'protected' => _('Protected'),
	'settings' => _('Settings'),
	'log' => _('Log'),
);
?>
<div class="container-fluid" id="banbridge">
	<h1><?php echo _('Ban Bridge'); ?></h1>
	<div id="bb-live" class="sr-only" role="status" aria-live="polite"></div>
	<div class="alert alert-warning" id="bb-dead"><?php echo _('FreePBX has not loaded the script and the style of this page yet. Press Apply Config, then reload this page.'); ?></div>
	<noscript><div class="alert alert-danger"><?php echo _('This page needs JavaScript.'); ?></div></noscript>
	<?php if (!$may_change) { ?>
	<div class="alert alert-info" id="bb-readonly"><?php echo _('You have read-only access. An administrator can give you the permission "Ban Bridge: change".'); ?></div>
	<?php } ?>
	<?php include __DIR__ . '/welcome.php'; ?>
	<div id="bb-all">
	<?php include __DIR__ . '/state.php'; ?>
	<div class="fpbx-container">
	<ul class="nav nav-tabs" role="tablist" aria-label="<?php echo htmlspecialchars(_('Ban Bridge'), ENT_QUOTES, 'UTF-8'); ?>">
		<?php foreach ($tabs as $tab => $title) { $on = $tab === 'overview'; ?>
		<li role="presentation" class="nav-item<?php echo $on ? ' active' : ''; ?>">
			<a href="#bb-panel-<?php echo $tab; ?>" class="nav-link<?php echo $on ? ' active' : ''; ?>" role="tab" id="bb-tab-<?php echo $tab; ?>"
				aria-controls="bb-panel-<?php echo $tab; ?>" aria-selected="<?php echo $on ? 'true' : 'false'; ?>"
				tabindex="<?php echo $on ? '0' : '-1'; ?>"><?php echo $title; ?></a>
		</li>
		<?php } ?>
	</ul>
	<div class="tab-content display">
	<?php foreach ($tabs as $tab => $title) { ?>
	<section class="bb-panel" id="bb-panel-<?php echo $tab; ?>" role="tabpanel" aria-labelledby="bb-tab-<?php echo $tab; ?>"<?php echo $tab === 'overview' ? '' : ' hidden'; ?>>
		<?php include __DIR__ . '/' . $tab . '.php'; ?>
	</section>
	<?php } ?>
	</div>
	</div>
	</div>
	<div class="modal fade" id="bb-dialog" tabindex="-1" role="dialog" aria-modal="true" aria-labelledby="bb-dialog-title">
		<div class="modal-dialog modal-lg" role="document">
			<div class="modal-content">
				<div class="modal-header"><h2 class="modal-title" id="bb-dialog-title" tabindex="-1"></h2></div>
				<div class="modal-body" id="bb-dialog-body" tabindex="0" role="region" aria-labelledby="bb-dialog-title"></div>
				<div class="modal-footer" id="bb-dialog-actions"></div>
			</div>
		</div>
	</div>
	<script type="application/json" id="bb-given"><?php echo json_encode($given, JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS | JSON_HEX_QUOT); ?></script>
</div>
