		<h2><?php echo _('Settings'); ?></h2>
		<p class="bb-small"><?php echo _('They are saved in the configuration file, banbridge.toml. Its comments stay. The next run uses them.'); ?></p>
		<div id="bb-settings"></div>
