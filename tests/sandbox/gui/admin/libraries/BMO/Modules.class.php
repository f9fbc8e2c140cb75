<?php
namespace FreePBX;

/** The modules: the table says which are enabled, their module.xml what they provide. */
class Modules {
	public $active_modules;
	private $info = array();

	private function rows() {
		return \FreePBX::Database()->query('SELECT modulename, version FROM modules WHERE enabled = 1 ORDER BY modulename')
			->fetchAll(\PDO::FETCH_KEY_PAIR);
	}

	public function version($module) {
		$rows = $this->rows();
		return isset($rows[$module]) ? $rows[$module] : null;
	}

	public function getActiveModules($cached = true) {
		if (!$cached || $this->active_modules === null) {
			$this->active_modules = array();
			foreach ($this->rows() as $module => $version) {
				$this->active_modules[$module] = $this->read($module) + array('rawname' => $module, 'version' => $version);
			}
		}
		return $this->active_modules;
	}

	public function getInfo($module = false) {
		$active = $this->getActiveModules();
		return $module === false ? $active : array_intersect_key($active, array($module => 1));
	}

	public function checkStatus($module = null, $status = 2) {
		return array_key_exists($module, $this->getActiveModules());
	}

	/** Reads module.xml as FreePBX does: no prolog, menu items with a category, commands and hooks. */
	public function read($module) {
		$file = \FreePBX::Config()->get('AMPWEBROOT')."/admin/modules/$module/module.xml";
		if (!is_readable($file)) {
			return array();
		}
		$xml = simplexml_load_file($file);
		if ($xml === false || (string) $xml->rawname !== $module) {
			throw new \Exception("$file is not the module.xml of $module");
		}
		$found = array('rawname' => $module, 'name' => (string) $xml->name, 'category' => (string) $xml->category, 'items' => array(),
			'license' => (string) $xml->license, 'commands' => array(), 'hooks' => array());
		foreach (isset($xml->menuitems) ? $xml->menuitems->children() : array() as $item) {
			$found['items'][$item->getName()] = array('name' => trim((string) $item), 'display' => $item->getName(),
				'category' => (string) $item['category'] ?: (string) $xml->category, 'hidden' => (string) $item['hidden']);
		}
		foreach (isset($xml->console) ? $xml->console->command : array() as $command) {
			$name = (string) $command->name;
			$found['commands'][$name] = (string) $command->class ?: ucfirst(strtolower($name));
		}
		foreach (isset($xml->hooks) ? $xml->hooks->children() : array() as $from) {
			$class = ltrim((string) $from['namespace'].'\\'.((string) $from['class'] ?: $from->getName()), '\\');
			foreach ($from->method as $method) {
				$found['hooks'][] = array('class' => $class, 'calling' => (string) $method['callingMethod'], 'method' => (string) $method);
			}
		}
		foreach (isset($xml->depends) ? $xml->depends->children() : array() as $need) {
			$found['depends'][] = array($need->getName(), trim((string) $need));
		}
		$found['xml_version'] = (string) $xml->version;
		return $found;
	}

	public function cleanModuleName($module) {
		return str_replace('-', 'dash', ucfirst(strtolower($module)));
	}

	public function getClassName($display = null) {
		foreach ($this->getActiveModules() as $name => $module) {
			if (isset($module['items'][$display])) {
				return $this->cleanModuleName($name);
			}
		}
		return false;
	}

	public function moduleHasMethod($module, $method) {
		$module = $this->cleanModuleName($module);
		return method_exists(\FreePBX::create()->$module, $method);
	}
}
