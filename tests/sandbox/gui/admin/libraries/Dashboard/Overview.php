<?php
namespace FreePBX\modules\Dashboard\Sections;

/** The dashboard's overview: lines of services, which modules add by a hook. */
class Overview {
	public function getSummary() {
		$services = array();
		foreach (\FreePBX::Hooks()->processHooks() as $lines) {
			foreach ((array) $lines as $line) {
				$services[] = $line;
			}
		}
		return $services;
	}
}
