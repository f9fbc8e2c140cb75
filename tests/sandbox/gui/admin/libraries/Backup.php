<?php
// The backup module's base classes, as far as a module's Backup.php and Restore.php use them.
namespace FreePBX\modules\Backup;

abstract class Base {
	public $data = array('configs' => array(), 'files' => array(), 'dirs' => array(), 'dependencies' => array());
	protected $FreePBX;
	protected $class;
	private $output;

	public function __construct($freepbx, $class, $output) {
		$this->FreePBX = $freepbx;
		$this->class = $class;
		$this->output = $output;
	}

	public function log($message = '', $level = 'INFO') {
		$this->output->writeln("[$level] $message");
	}
}

class BackupBase extends Base {
	public function addConfigs($configs) {
		$this->data['configs'] = array_merge($this->data['configs'], $configs);
	}

	public function addDependency($module) {
		$this->data['dependencies'][] = $module;
	}

	public function addFile($filename, $path, $base, $type = 'file') {
		$this->data['files'][] = array('filename' => $filename, 'pathto' => $path, 'base' => $base, 'type' => $type,
			'content' => base64_encode(file_get_contents("$path/$filename")));
	}

	public function dumpKVStore() {
		$class = $this->class;
		$module = $this->FreePBX->$class;
		$all = array('noid' => $module->getAll());
		foreach ($module->getAllids() as $id) {
			$all[$id] = $module->getAll($id);
		}
		return $all;
	}
}

class RestoreBase extends Base {
	public function getConfigs() {
		return $this->data['configs'];
	}

	public function getFiles() {
		return $this->data['files'];
	}

	public function importKVStore($store) {
		$class = $this->class;
		foreach ($store as $id => $values) {
			$this->FreePBX->$class->setMultiConfig($values, $id);
		}
	}
}
