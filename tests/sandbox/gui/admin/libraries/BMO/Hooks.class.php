<?php
namespace FreePBX;

/** Calls the hooks that module.xml files register for the calling class and method. */
class Hooks {
	public function processHooks() {
		$caller = debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 2);
		$arguments = func_get_args();
		$returned = array();
		foreach (\FreePBX::Modules()->getActiveModules() as $name => $module) {
			foreach (isset($module['hooks']) ? $module['hooks'] : array() as $hook) {
				if ($hook['class'] !== $caller[1]['class'] || $hook['calling'] !== $caller[1]['function']) {
					continue;
				}
				$class = \FreePBX::Modules()->cleanModuleName($name);
				\modgettext::push_textdomain($name);
				$returned[$class] = call_user_func_array(array(\FreePBX::create()->$class, $hook['method']), $arguments);
				\modgettext::pop_textdomain();
			}
		}
		return $returned;
	}
}
