<?php
namespace Sandbox;

/**
 * FreePBX 18: one table, and the whole blacklist replaced in one nft run on every pass.
 */
class NftablesDriver {
	/** So often the real one lists all of its table in a pass, whether something changed or not; it is what a row costs. */
	const LISTINGS = 52;

	public function start() {
		$this->stop();
		$this->load($this->ruleset());
	}

	public function stop() {
		Shell::run('nft delete table inet fpbx');
	}

	public function snapshot() {
	}

	public function intact() {
		return Shell::run('nft list chain inet fpbx input')[0] === 0;
	}

	public function prepare() {
	}

	/** An overlap anywhere fails all of it, and then the sets stay as they were. */
	public function blacklist(array $entries) {
		$elements = [4 => [], 6 => []];
		foreach ($entries as $entry => $resolved) {
			foreach ($resolved === false ? [(string) $entry] : $resolved as $text) {
				$text = self::element((string) $text);
				if ($text !== null) {
					$elements[strpos($text, ':') === false ? 4 : 6][] = $text;
				}
			}
		}
		for ($i = 0; $i < self::LISTINGS; $i++) {
			Shell::run('nft list table inet fpbx');
		}
		$this->replace(['blacklist' => $elements[4], 'blacklist6' => $elements[6]]);
	}

	public function hosts(array $hosts) {
		$this->replace(self::trusted('trustedhosts', array_map('strval', array_keys($hosts, 'trusted'))));
	}

	public function networks(array $map) {
		$this->replace(self::trusted('trusted', array_map('strval', array_keys($map, 'trusted'))));
	}

	public function interfaces(array $zones) {
	}

	/**
	 * What the driver makes of an entry: what is no address is passed over, and whatever stands behind a slash is a number
	 * as PHP reads one, so "0x" and "abc" are 0.
	 */
	private static function element($text) {
		$parts = explode('/', $text, 2);
		if (filter_var($parts[0], FILTER_VALIDATE_IP) === false) {
			return null;
		}
		if (!isset($parts[1]) || $parts[1] === '') {
			return $parts[0];
		}
		$length = (int) $parts[1];
		$most = strpos($parts[0], ':') === false ? 32 : 128;
		return $length < 0 || $length > $most ? null : $parts[0].'/'.$length;
	}

	private static function trusted($set, array $networks) {
		return [
			$set => preg_grep('/:/', $networks, PREG_GREP_INVERT),
			"{$set}6" => preg_grep('/:/', $networks),
		];
	}

	private function replace(array $sets) {
		$text = '';
		foreach ($sets as $set => $elements) {
			$text .= "flush set inet fpbx $set\n";
			if ($elements) {
				$text .= "add element inet fpbx $set { ".implode(', ', $elements)." }\n";
			}
		}
		$this->load($text);
	}

	private function load($text) {
		[$code, $output] = Shell::run('nft -f -', $text);
		if ($code !== 0) {
			Shell::log('nft: '.implode(' ', $output));
		}
	}

	private function ruleset() {
		$sets = '';
		foreach (['blacklist', 'trusted', 'trustedhosts'] as $set) {
			$sets .= "set $set { type ipv4_addr; flags interval; }\n";
			$sets .= "set {$set}6 { type ipv6_addr; flags interval; }\n";
		}
		return "table inet fpbx {\n$sets".<<<'END'
	chain input {
		type filter hook input priority filter; policy accept;
		iifname "lo" accept
		ct state established,related accept
		meta l4proto { icmp, icmpv6 } accept
		ip saddr @blacklist reject
		ip6 saddr @blacklist6 reject
		ip saddr @trusted accept
		ip6 saddr @trusted6 accept
		ip saddr @trustedhosts accept
		ip6 saddr @trustedhosts6 accept
		udp dport { 5060, 10000-20000 } accept
		tcp dport 5060 accept
		reject
	}
}

END;
	}
}
