<?php
namespace FreePBX;

/** Runs the module's doConfigPageInit before its page is shown. */
class GuiHooks {
	public function doConfigPageInits($display = null) {
		$class = \FreePBX::Modules()->getClassName($display);
		if ($class === false) {
			return;
		}
		if (!method_exists(\FreePBX::create()->$class, 'doConfigPageInit')) {
			print "Page $class doesn't implement doConfigPageInit, this is bad.\n";
			return;
		}
		\FreePBX::create()->$class->doConfigPageInit($display);
	}
}
