		<h2><?php echo _('Settings'); ?></h2>
		<p class="bb-small"><?php echo _('Settings are saved in the configuration file, banbridge.toml, and its comments stay. The next run uses them.'); ?></p>
		<div id="bb-settings"></div>
