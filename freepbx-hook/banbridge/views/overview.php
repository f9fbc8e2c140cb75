<?php
// Tiles, the chart and the feeds.
$tiles = array(
	array('bb-blocked', _('Blocked now'), 'bb-panel-blocked', _('Show blocked addresses')),
	array('bb-packets', _('Blocked packets, 24 hours'), null, null),
	array('bb-protected', _('Protected'), 'bb-panel-protected', _('Show protected addresses')),
	array('bb-over', _('Over the row limit'), 'bb-panel-settings', _('Show settings')),
);
?>
		<h2 class="sr-only"><?php echo _('Figures'); ?></h2>
		<ul class="bb-tiles">
			<?php foreach ($tiles as $tile) { ?>
			<li class="bb-tile">
				<span class="bb-tile-title"><?php echo $tile[1]; ?></span>
				<span class="bb-tile-number" id="<?php echo $tile[0]; ?>">–</span>
				<span class="bb-small" id="<?php echo $tile[0]; ?>-words"></span>
				<?php if ($tile[0] === 'bb-packets') { ?><div id="bb-chart"></div><?php } ?>
				<?php if ($tile[2] !== null) { ?>
				<button type="button" class="btn btn-link btn-sm" data-bb-tab="<?php echo $tile[2]; ?>"><?php echo $tile[3]; ?></button>
				<?php } ?>
			</li>
			<?php } ?>
		</ul>
		<div class="bb-head">
			<h2><?php echo _('Feeds'); ?></h2>
			<?php if ($may_change) { ?>
			<div class="bb-buttons">
				<button type="button" class="btn btn-default" id="bb-catalog"><?php echo _('Add a feed from the catalog'); ?></button>
				<button type="button" class="btn btn-default" id="bb-own"><?php echo _('Add your own list'); ?></button>
			</div>
			<?php } ?>
		</div>
		<ul class="bb-cards" id="bb-feeds"></ul>
