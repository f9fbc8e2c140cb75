<?php
namespace Sandbox;

/**
 * FreePBX 15 to 17: a process for every rule, compared as text with what iptables-save printed.
 */
class IptablesDriver {
	private const LOCK = '-w5 -W10000';
	private const PROGRAMS = [6 => '/sbin/ip6tables', 4 => '/sbin/iptables'];
	private const REJECT = '-j REJECT --reject-with icmp-port-unreachable';

	/** Family => chain => rules, as of the last snapshot. */
	private $rules;

	public function start() {
		Shell::run(dirname(__DIR__).'/bin/clean-iptables');
		$this->snapshot();
		$this->build();
	}

	public function stop() {
		Shell::run(dirname(__DIR__).'/bin/clean-iptables');
	}

	public function snapshot() {
		$this->rules = [];
		foreach (self::PROGRAMS as $family => $program) {
			$this->rules[$family] = [];
			$table = '';
			foreach (Shell::run("$program-save")[1] as $line) {
				if ($line !== '' && $line[0] === '*') {
					$table = substr($line, 1);
				} elseif ($table === 'filter' && preg_match('/^:(\S+)/', $line, $found)) {
					$this->rules[$family][$found[1]] = [];
				} elseif ($table === 'filter' && preg_match('/^-A (\S+) (.*)$/', $line, $found)) {
					$this->rules[$family][$found[1]][] = $found[2];
				}
			}
		}
	}

	/** Somebody flushed what must be there: the daemon gives up and is started anew. */
	public function intact() {
		foreach ($this->rules as $chains) {
			if (!isset($chains['fpbx-rtp'][0], $chains['fpbxinterfaces'][0], $chains['fpbxrfw'][0])) {
				return false;
			}
		}
		return true;
	}

	/** Only fail2ban's rules may stand above ours in INPUT, or everything is flushed and built again. */
	public function prepare() {
		foreach ($this->rules[4]['INPUT'] ?? [] as $rule) {
			if ($rule === '-j fpbxfirewall') {
				return;
			}
			if (!preg_match('/fail2ban|f2b/', $rule)) {
				Shell::log("foreign rule above the firewall, building everything anew: $rule");
				break;
			}
		}
		$this->build();
	}

	public function blacklist(array $entries) {
		$wanted = [4 => [], 6 => []];
		foreach ($entries as $entry => $resolved) {
			foreach ($resolved === false ? [(string) $entry] : $resolved as $text) {
				[$address, $length] = explode('/', $text) + [1 => null];
				$family = strpos($address, ':') === false ? 4 : 6;
				$most = $family === 4 ? 32 : 128;
				$length = (int) ($length ?? $most);
				if (filter_var($address, FILTER_VALIDATE_IP) && $length >= 8 && $length <= $most) {
					$wanted[$family][] = "-s $address/$length ".self::REJECT;
				}
			}
		}
		// ip6tables has no such reject type, so its rules fail on every pass.
		foreach ([6, 4] as $family) {
			$this->bring($family, 'fpbxblacklist', $wanted[$family]);
		}
	}

	public function hosts(array $hosts) {
		$wanted = [4 => [], 6 => []];
		foreach ($hosts as $address => $zone) {
			$family = strpos($address, ':') === false ? 4 : 6;
			$wanted[$family][] = "-s $address/".($family === 4 ? 32 : 128)." -j zone-$zone";
		}
		foreach ([6, 4] as $family) {
			$this->bring($family, 'fpbxhosts', $wanted[$family]);
		}
	}

	/** Read when the daemon starts and when a zone is edited, not on a pass. Longest prefix first. */
	public function networks(array $map) {
		uksort($map, function ($a, $b) {
			return (int) explode('/', $b)[1] <=> (int) explode('/', $a)[1];
		});
		$wanted = [4 => [], 6 => []];
		foreach ($map as $network => $zone) {
			$wanted[strpos($network, ':') === false ? 4 : 6][] = "-s $network -j zone-$zone";
		}
		foreach (self::PROGRAMS as $family => $program) {
			if ($this->rules[$family]['fpbxnets'] !== $wanted[$family]) {
				Shell::logged("$program ".self::LOCK.' -F fpbxnets');
				$this->rules[$family]['fpbxnets'] = [];
				$this->bring($family, 'fpbxnets', $wanted[$family]);
			}
		}
	}

	public function interfaces(array $zones) {
		$wanted = [];
		foreach ($zones as $interface => $zone) {
			$wanted[] = "-i $interface -j zone-$zone";
		}
		foreach ([6, 4] as $family) {
			$this->bring($family, 'fpbxinterfaces', $wanted);
		}
	}

	/**
	 * Adds what the snapshot lacks and deletes what is left over. Two rules that are alike count
	 * as one here, so a doubled rule stays doubled, and goes one at a pass when it is not wanted.
	 */
	private function bring($family, $chain, array $wanted) {
		$program = self::PROGRAMS[$family].' '.self::LOCK;
		$left = array_flip($this->rules[$family][$chain] ?? []);
		foreach ($wanted as $rule) {
			if (isset($left[$rule])) {
				unset($left[$rule]);
			} else {
				Shell::logged("$program -A $chain $rule");
			}
		}
		foreach (array_keys($left) as $rule) {
			Shell::logged("$program -D $chain $rule");
		}
	}

	/**
	 * The empty chains, in the order that decides who gets through. (The module starts a process
	 * for each of these rules too; here one restore a family loads them.)
	 */
	private function build() {
		foreach (self::PROGRAMS as $family => $program) {
			$kept = ['fpbxnets' => [], 'fpbxinterfaces' => []];
			foreach ($this->rules[$family] as $chain => $rules) {
				if (isset($kept[$chain]) || preg_match('/fail2ban|f2b/', $chain)) {
					$kept[$chain] = $rules;
				}
			}
			$above = preg_grep('/fail2ban|f2b/', $this->rules[$family]['INPUT'] ?? []);
			foreach (['-F', '-X'] as $what) {
				Shell::run("$program ".self::LOCK." $what");
			}
			$chains = array_merge($this->chains($family), $kept);
			$text = "*filter\n";
			foreach (array_keys($chains) as $chain) {
				$text .= ":$chain - [0:0]\n";
			}
			foreach (array_merge($above, ['-j fpbxfirewall']) as $rule) {
				$text .= "-A INPUT $rule\n";
			}
			foreach ($chains as $chain => $rules) {
				foreach ($rules as $rule) {
					$text .= "-A $chain $rule\n";
				}
			}
			[$code, $output] = Shell::run("$program-restore --noflush", $text."COMMIT\n");
			if ($code !== 0) {
				Shell::log("$program-restore: ".implode(' ', $output));
			}
		}
		$this->snapshot();
	}

	private function chains($family) {
		$icmp = $family === 4 ? 'icmp' : 'ipv6-icmp';
		$dhcp = $family === 4 ? '67:68' : '546:547';
		return [
			'fpbxfirewall' => [
				'-i lo -j ACCEPT',
				'-p tcp -m state --state RELATED,ESTABLISHED -j ACCEPT',
				"-p $icmp -j ACCEPT",
				'-m pkttype --pkt-type multicast -j ACCEPT',
				"-p udp -m udp --sport $dhcp --dport $dhcp -j ACCEPT",
				'-j fpbx-rtp',
				'-j fpbxblacklist',
				'-j fpbxsignalling',
				'-j fpbxsmarthosts',
				'-j fpbxregistrations',
				'-j fpbxnets',
				'-j fpbxhosts',
				'-j fpbxinterfaces',
				'-j fpbxreject',
				'-m mark --mark 0x2/0x2 -j fpbxrfw',
				'-p udp -m state --state RELATED,ESTABLISHED -j ACCEPT',
				'-j fpbxlogdrop',
			],
			'fpbx-rtp' => ['-p udp -m udp --dport 10000:20000 -j ACCEPT'],
			'fpbxblacklist' => [],
			'fpbxsignalling' => [
				'-p udp -m udp --dport 5060 -j MARK --set-xmark 0x3/0xffffffff',
				'-p tcp -m tcp --dport 5060 -j MARK --set-xmark 0x3/0xffffffff',
			],
			'fpbxsmarthosts' => [],
			'fpbxregistrations' => [],
			'fpbxnets' => [],
			'fpbxhosts' => [],
			'fpbxinterfaces' => [],
			'fpbxreject' => [],
			'fpbxrfw' => ['-j ACCEPT'],
			'fpbxlogdrop' => ['-j REJECT'],
			'zone-trusted' => ['-j ACCEPT'],
			'zone-internal' => ['-j MARK --set-xmark 0x4/0x4', '-m mark --mark 0x1/0x1 -j ACCEPT'],
			'zone-other' => ['-j MARK --set-xmark 0x8/0x8'],
			'zone-external' => ['-j MARK --set-xmark 0x10/0x10'],
			'zone-reject' => ['-j REJECT'],
		];
	}
}
