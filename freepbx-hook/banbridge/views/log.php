<?php
if (!defined('FREEPBX_IS_AUTH')) {
	die('No direct script access allowed');
}
?>
		<h2 id="bb-log-title"><?php echo _('Log'); ?></h2>
		<div class="bb-line">
			<label for="bb-log-lines"><?php echo _('Latest lines'); ?></label>
			<select class="form-control bb-short" id="bb-log-lines">
				<option value="100">100</option>
				<option value="500">500</option>
				<option value="2000">2000</option>
			</select>
			<label for="bb-log-level"><?php echo _('Show'); ?></label>
			<select class="form-control" id="bb-log-level">
				<option value=""><?php echo _('everything'); ?></option>
				<option value="warn"><?php echo _('errors and warnings'); ?></option>
				<option value="error"><?php echo _('errors'); ?></option>
			</select>
			<label for="bb-log-search"><?php echo _('Search'); ?></label>
			<input type="text" class="form-control" id="bb-log-search" maxlength="100" autocomplete="off">
			<button type="button" class="btn btn-default" id="bb-log-refresh"><?php echo _('Refresh'); ?></button>
			<span class="bb-small" id="bb-log-file"></span>
		</div>
		<div class="bb-log" id="bb-log" role="region" aria-labelledby="bb-log-title" tabindex="0"></div>
