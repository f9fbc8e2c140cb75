		<h2><?php echo _('Settings'); ?></h2>
		<p class="bb-small"><?php echo _('They are kept in the file of the program; its comments stay. The next run follows them.'); ?></p>
		<div id="bb-settings"></div>
