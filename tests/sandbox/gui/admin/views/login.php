<div class="container-fluid sandbox-login">
	<h1>FreePBX Administration</h1>
	<?php if ($failed) { ?><div class="alert alert-danger" role="alert"><?php echo _('Invalid Username or Password'); ?></div><?php } ?>
	<form method="post" id="loginform">
		<div class="form-group"><label for="username"><?php echo _('Username'); ?></label>
			<input class="form-control" id="username" name="username" autocomplete="username"></div>
		<div class="form-group"><label for="password"><?php echo _('Password'); ?></label>
			<input class="form-control" id="password" name="password" type="password" autocomplete="current-password"></div>
		<button type="submit" class="btn btn-default btn-primary"><?php echo _('Continue'); ?></button>
	</form>
</div>
