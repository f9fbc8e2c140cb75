<?php
namespace FreePBX;

/** asterisk's crontab, as a file. Nothing runs it: the tests run the jobs. */
class Cron {
	const FILE = '/var/lib/asterisk/crontab';

	public function getAll() {
		return is_file(self::FILE) ? file(self::FILE, FILE_IGNORE_NEW_LINES | FILE_SKIP_EMPTY_LINES) : array();
	}

	public function add($line) {
		if (!in_array($line, $this->getAll(), true)) {
			file_put_contents(self::FILE, "$line\n", FILE_APPEND);
		}
		return true;
	}

	public function remove($line) {
		$left = array_diff($this->getAll(), array($line));
		file_put_contents(self::FILE, $left ? implode("\n", $left)."\n" : '');
		return true;
	}

	public function removeAll($command) {
		foreach ($this->getAll() as $line) {
			if (strpos($line, $command) !== false) {
				$this->remove($line);
			}
		}
	}
}
