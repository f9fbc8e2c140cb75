<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
?>
	<section class="bb-state" aria-labelledby="bb-state-title">
		<h2 id="bb-state-title" class="sr-only"><?php echo _('State'); ?></h2>
		<p class="bb-state-line">
			<span id="bb-state-word" class="bb-badge bb-badge-neutral"><?php echo _('Loading ...'); ?></span>
			<span id="bb-state-text"></span>
			<span id="bb-state-action"></span>
		</p>
		<p id="bb-state-times" class="bb-small"></p>
		<div id="bb-problems"></div>
		<div class="bb-buttons">
			<?php if ($may_change) { ?>
			<button type="button" class="btn btn-default" id="bb-run"><?php echo _('Sync now'); ?></button>
			<button type="button" class="btn btn-default" id="bb-preview"><?php echo _('Preview'); ?></button>
			<?php } ?>
			<button type="button" class="btn btn-default" id="bb-refresh"><?php echo _('Refresh'); ?></button>
		</div>
		<div id="bb-progress" aria-live="polite"></div>
	</section>
