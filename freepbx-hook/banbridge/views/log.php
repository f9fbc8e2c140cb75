		<h2 id="bb-log-title"><?php echo _('Log'); ?></h2>
		<div class="bb-line">
			<label for="bb-log-lines"><?php echo _('Latest lines'); ?></label>
			<select class="form-control bb-short" id="bb-log-lines">
				<option value="100">100</option>
				<option value="500">500</option>
				<option value="2000">2000</option>
			</select>
			<button type="button" class="btn btn-default" id="bb-log-refresh"><?php echo _('Refresh'); ?></button>
			<span class="bb-small" id="bb-log-file"></span>
		</div>
		<div class="bb-log" id="bb-log" role="region" aria-labelledby="bb-log-title" tabindex="0"></div>
