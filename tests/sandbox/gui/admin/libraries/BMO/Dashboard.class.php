<?php
namespace FreePBX;

/** The dashboard module, as far as other modules add a line to it. */
class Dashboard {
	/** It escapes the text, in all releases. */
	public function genStatusIcon($class, $tooltip = '', $placement = 'top') {
		return array('type' => $class, 'tooltip' => htmlspecialchars($tooltip, ENT_QUOTES, 'UTF-8'));
	}
}
