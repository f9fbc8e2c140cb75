<?php
namespace FreePBX;

/** The jobs of modules, which one line of asterisk's crontab runs. Adding a job again keeps whether it is enabled. */
class Job {
	private $freepbx;
	private $db;

	public function __construct($freepbx = null) {
		$this->freepbx = $freepbx;
		$this->db = $freepbx->Database;
	}

	public function getAll() {
		return $this->db->query('SELECT * FROM cron_jobs')->fetchAll(\PDO::FETCH_ASSOC);
	}

	public function getAllEnabled() {
		return $this->db->query('SELECT * FROM cron_jobs WHERE enabled = 1')->fetchAll(\PDO::FETCH_ASSOC);
	}

	public function addCommand($modulename, $jobname, $command, $schedule, $max_runtime = 30, $enabled = true) {
		return $this->add($modulename, $jobname, $command, null, $schedule, $max_runtime, $enabled);
	}

	public function addClass($modulename, $jobname, $class, $schedule, $max_runtime = 30, $enabled = true) {
		return $this->add($modulename, $jobname, null, $class, $schedule, $max_runtime, $enabled);
	}

	public function add($modulename, $jobname, $command, $class, $schedule, $max_runtime = 30, $enabled = true) {
		$this->init();
		$field = '(\*|\d+(-\d+)?)(\/\d+)?';
		if (!preg_match("/^($field(,$field)*\s+){4}$field(,$field)*$/", $schedule)) {
			throw new \Exception("$schedule is not a valid Cron Expression!");
		}
		return $this->db->prepare('INSERT INTO cron_jobs (modulename, jobname, command, class, schedule, max_runtime, enabled)'
			.' VALUES (?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE command = VALUES(command), class = VALUES(class),'
			.' schedule = VALUES(schedule), max_runtime = VALUES(max_runtime)')
			->execute(array($modulename, $jobname, $command, $class, $schedule, $max_runtime, $enabled ? 1 : 0));
	}

	public function update($modulename, $jobname, $command, $class, $schedule, $max_runtime = 30, $enabled = true) {
		return $this->add($modulename, $jobname, $command, $class, $schedule, $max_runtime, $enabled);
	}

	public function remove($modulename, $jobname) {
		return $this->db->prepare('DELETE FROM cron_jobs WHERE modulename = ? AND jobname = ?')->execute(array($modulename, $jobname));
	}

	public function removeAllByModule($modulename) {
		return $this->db->prepare('DELETE FROM cron_jobs WHERE modulename = ?')->execute(array($modulename));
	}

	public function setEnabled($modulename, $jobname, $enabled = true) {
		return $this->db->prepare('UPDATE cron_jobs SET enabled = ? WHERE modulename = ? AND jobname = ?')
			->execute(array($enabled ? 1 : 0, $modulename, $jobname));
	}

	public function updateSchedule($modulename, $jobname, $schedule) {
		return $this->db->prepare('UPDATE cron_jobs SET schedule = ? WHERE modulename = ? AND jobname = ?')
			->execute(array($schedule, $modulename, $jobname));
	}

	public function init() {
		$this->freepbx->Cron->removeAll('fwconsole job --run');
		$this->freepbx->Cron->add('* * * * * [ -e /usr/sbin/fwconsole ] && sleep $((RANDOM\%30)) && '
			.$this->freepbx->Config->get('AMPSBIN').'/fwconsole job --run --quiet 2>&1 > /dev/null');
	}
}
