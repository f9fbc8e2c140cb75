<?php
require_once __DIR__.'/../libraries/Dashboard/Overview.php';
$overview = new FreePBX\modules\Dashboard\Sections\Overview();
$levels = array(100 => 'danger', 200 => 'danger', 400 => 'danger', 500 => 'warning', 600 => 'info');
?>
<div class="container-fluid">
	<h1><?php echo _('Dashboard'); ?></h1>
	<h2><?php echo _('System Overview'); ?></h2>
	<ul id="services" class="list-group">
	<?php foreach ($overview->getSummary() as $line) { ?>
		<li class="list-group-item" data-type="<?php echo htmlspecialchars($line['type']); ?>">
			<strong><?php echo htmlspecialchars($line['title']); ?></strong>: <?php echo $line['tooltip']; ?></li>
	<?php } ?>
	</ul>
	<h2><?php echo _('Notifications'); ?></h2>
	<?php // As FreePBX shows them: the texts are HTML there, so a module has to escape what it puts in. ?>
	<div id="notifications">
	<?php foreach (FreePBX::Notifications()->list_all() as $notice) { ?>
		<div class="alert alert-<?php echo isset($levels[$notice['level']]) ? $levels[$notice['level']] : 'info'; ?>"
			data-id="<?php echo htmlspecialchars($notice['id']); ?>">
			<strong><?php echo $notice['display_text']; ?></strong> <?php echo $notice['extended_text']; ?>
			<a href="<?php echo htmlspecialchars($notice['link']); ?>"><?php echo _('More'); ?></a></div>
	<?php } ?>
	</div>
</div>
