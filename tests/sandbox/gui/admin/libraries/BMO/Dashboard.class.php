<?php
namespace FreePBX;

/** The dashboard module, as far as others show a line on it. */
class Dashboard {
	public function genStatusIcon($class, $tooltip = '', $placement = 'top') {
		return array('type' => $class, 'tooltip' => $tooltip);
	}
}
