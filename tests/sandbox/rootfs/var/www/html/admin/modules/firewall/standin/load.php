<?php
// What every script of the stand-in needs.
namespace Sandbox;

foreach (['Store', 'Blacklist', 'Shell', 'IptablesDriver', 'NftablesDriver'] as $class) {
	require_once __DIR__."/$class.php";
}

/** The driver that the database names; where only its schema is there, the one whose table is in the kernel. */
function driver(Store $store) {
	$named = $store->get('firewall_backend');
	if (!$named && $store->get('firewall_schema')) {
		exec('nft list table inet fpbx >/dev/null 2>&1', $output, $code);
		$named = $code === 0 ? 'nftables' : '';
	}
	return $named === 'nftables' ? new NftablesDriver() : new IptablesDriver();
}

/** A file with which a test steers the stand-in, or null. */
function steer($name) {
	// PHP remembers that a file is there.
	clearstatcache();
	$file = "/var/lib/sandbox/$name";
	return is_file($file) ? trim(file_get_contents($file)) : null;
}

/** Networks of the zones. A name may stand in the map, but is no network. */
function networks(Store $store) {
	return array_filter($store->get('networkmaps') ?: [], function ($network) {
		return strpos($network, '/') !== false;
	}, ARRAY_FILTER_USE_KEY);
}
