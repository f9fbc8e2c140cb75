<?php
/**
 * Header, menu and footer of every page, with the libraries that FreePBX loads: Bootstrap 3 in 15 and 16, Bootstrap 4
 * since 17. A module's own styles and scripts are in assets/css and assets/js of its folder.
 */
$bootstrap = FreePBX::Config()->get('SANDBOX_BOOTSTRAP') ?: '4';
$version = '?load_version='.urlencode(get_framework_version());
$styles = array("assets/npm/bootstrap$bootstrap/css/bootstrap.min.css", 'assets/npm/font-awesome/css/font-awesome.min.css',
	'assets/npm/bootstrap-table/bootstrap-table.min.css', 'assets/css/freepbx.css');
$scripts = array("assets/npm/bootstrap$bootstrap/js/".($bootstrap === '3' ? 'bootstrap.min.js' : 'bootstrap.bundle.min.js'),
	'assets/npm/bootstrap-table/bootstrap-table.min.js', 'assets/js/freepbx.js');
if ($module_name !== '') {
	foreach (array('css', 'js') as $kind) {
		foreach (glob(__DIR__."/../modules/$module_name/assets/$kind/*.$kind") as $file) {
			$file = "assets/$module_name/$kind/".basename($file);
			if ($kind === 'css') {
				$styles[] = $file;
			} else {
				$scripts[] = $file;
			}
		}
	}
}
$user = $logged_in || isset($_SESSION['AMP_user']) ? $_SESSION['AMP_user']->username : null;
$fpbx = array('conf' => array('text_dir' => 'ltr', 'ver' => get_framework_version(), 'reload_needed' => false), 'msg' => array('framework' => array()));
$jquery = $bootstrap === '3' ? 'jquery-3.1.1' : 'jquery-3.7.1';
?>
<!DOCTYPE html>
<html class="firsttypeofselector" lang="<?php echo isset($_COOKIE['lang']) ? htmlspecialchars(substr($_COOKIE['lang'], 0, 2)) : 'en'; ?>">
<head>
	<title>FreePBX Administration</title>
	<meta http-equiv="Content-Type" content="text/html;charset=utf-8">
	<meta name="robots" content="noindex">
	<meta name="referrer" content="always">
	<meta name="viewport" content="width=device-width,initial-scale=1">
	<link rel="shortcut icon" href="data:,">
<?php foreach ($styles as $file) { ?>
	<link href="<?php echo $file.$version; ?>" rel="stylesheet" type="text/css">
<?php } ?>
	<script src="assets/npm/<?php echo $jquery; ?>/jquery.min.js<?php echo $version; ?>"></script>
	<script src="assets/js/head.js<?php echo $version; ?>"></script>
</head>
<body>
<div id="page">
<div id="header">
	<nav class="navbar freepbx-navbar" aria-label="<?php echo _('Menu'); ?>">
		<a class="navbar-brand" href="config.php">FreePBX</a>
		<ul class="freepbx-menu">
		<?php foreach ($fpbx_menu as $name => $item) { if (isset($item['hidden']) && $item['hidden'] === 'true') { continue; } ?>
			<li><a href="config.php?display=<?php echo urlencode($name); ?>"<?php echo $name === $display ? ' aria-current="page"' : ''; ?>>
				<?php echo htmlspecialchars(_($item['name'])); ?></a></li>
		<?php } ?>
		<?php if ($user !== null) { ?>
			<li><a id="user_logout" href="#" title="logout"><?php echo _('Logout').': '.htmlspecialchars($user); ?></a></li>
		<?php } ?>
		</ul>
	</nav>
</div>
<div id="page_body">
<main><?php echo $content; ?></main>
</div>
<div id="footer">
<?php if (!empty($nav_bar)) { ?><div id="floating-nav-bar"><?php echo $nav_bar; ?></div><?php } ?>
<?php if ($action_bar) { ?>
	<div id="action-bar"><div id="action-buttons">
	<?php foreach ($action_bar as $button) { ?>
		<input type="button" class="btn btn-default<?php echo empty($button['hidden']) ? '' : ' hidden'; ?>"
			name="<?php echo htmlspecialchars($button['name']); ?>" id="<?php echo htmlspecialchars($button['id']); ?>"
			value="<?php echo htmlspecialchars($button['value']); ?>">
	<?php } ?>
	</div></div>
<?php } ?>
</div>
</div>
<script>var fpbx = <?php echo json_encode($fpbx); ?>; $(document).click();</script>
<?php foreach ($scripts as $file) { ?>
<script src="<?php echo $file.$version; ?>"></script>
<?php } ?>
</body>
</html>
