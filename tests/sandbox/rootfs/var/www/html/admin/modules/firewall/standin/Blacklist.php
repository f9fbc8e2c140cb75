<?php
namespace Sandbox;

/**
 * The rows of the blacklist: which key an input becomes, and what the daemon is told.
 */
class Blacklist {
	private $store;

	public function __construct(Store $store) {
		$this->store = $store;
	}

	/** What the GUI's form and, with /32 or /128 behind an address, fwconsole hand in. */
	public function add($entry) {
		if (strpos($entry, '/') !== false) {
			$key = self::network($entry);
		} else {
			$key = self::resolve($entry) ? $entry : false;
		}
		if ($key === false) {
			throw new \Exception("Can't validate $entry");
		}
		$this->store->set($key, true, 'blacklist');
	}

	public function has($key) {
		return (bool) $this->store->get($key, 'blacklist');
	}

	public function remove($key) {
		$this->store->set($key, false, 'blacklist');
	}

	/** Entry => false for an address or network, or the addresses that a name resolves to. */
	public function entries() {
		$entries = [];
		foreach (array_keys($this->store->all('blacklist')) as $key) {
			$address = explode('/', (string) $key)[0];
			$entries[$key] = filter_var($address, FILTER_VALIDATE_IP) ? false : self::resolve($key);
		}
		return $entries;
	}

	/** The module asks for IPv6 addresses too, and throws them away. */
	public static function resolve($name) {
		if (filter_var($name, FILTER_VALIDATE_IP)) {
			return [$name];
		}
		$records = @dns_get_record($name, DNS_A | DNS_AAAA);
		return array_values(array_unique(array_column($records ?: [], 'ip')));
	}

	private static function network($entry) {
		[$address, $length] = explode('/', $entry);
		if (!filter_var($address, FILTER_VALIDATE_IP)) {
			return false;
		}
		if (filter_var($length, FILTER_VALIDATE_IP)) {
			$length = substr_count(decbin(ip2long($length)), '1');
		}
		$length = (int) $length;
		if ($length < 8 || $length > 128) {
			return false;
		}
		if (filter_var($address, FILTER_VALIDATE_IP, FILTER_FLAG_IPV6)) {
			return "$address/$length";
		}
		if ($length === 32) {
			return $address;
		}
		// More than 32 shifts by a negative number, which nothing catches: PHP ends with 255.
		$mask = 0xffffffff & (0xffffffff << (32 - $length));
		return long2ip(ip2long($address) & $mask)."/$length";
	}
}
