<?php
namespace FreePBX;

/** The dashboard module, as far as other modules add a line to it. */
class Dashboard {
	public function genStatusIcon($class, $tooltip = '', $placement = 'top') {
		return array('type' => $class, 'tooltip' => $tooltip);
	}
}
