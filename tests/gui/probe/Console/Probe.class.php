<?php
namespace FreePBX\Console\Command;

use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

class Probe extends Command {
	protected function configure() {
		$this->setName('probe')->addArgument('word', InputArgument::REQUIRED);
	}

	/** Exercises getConfig, Job and Notifications for the tests. */
	protected function execute(InputInterface $input, OutputInterface $output) {
		$freepbx = \FreePBX::create();
		$output->writeln(json_encode($this->{$input->getArgument('word')}($freepbx)));
		return 0;
	}

	private function store($freepbx) {
		$module = $freepbx->Probe;
		$module->setConfig('text', 'a');
		$module->setConfig('list', array('x' => 1));
		$module->setConfig('object', (object) array('y' => 2));
		$module->setConfig('long', str_repeat('z', 5000));
		$module->setConfig('text', 'b', 'group');
		$found = array($module->getConfig('text'), $module->getConfig('list'), $module->getConfig('object')->y,
			strlen($module->getConfig('long')), $module->getConfig('text', 'group'), $module->getConfig('nothing'),
			$module->getAllKeys(), $module->getAllids());
		$module->setConfig('text', false);
		$found[] = $module->getConfig('text');
		$module->deleteAll();
		$found[] = $module->getAll();
		return $found;
	}

	private function notifications($freepbx) {
		$notifications = $freepbx->Notifications;
		$notifications->add_warning('probe', 'one', 'First', 'more', 'config.php?display=probe', false, true);
		$found = array($notifications->exists('probe', 'one'), $notifications->exists('probe', 'two'));
		$notifications->reset('probe', 'one');
		$notifications->add_warning('probe', 'one', 'First', 'more', 'config.php?display=probe', false, true);
		$found[] = $notifications->get_num_active();
		$notifications->add_warning('probe', 'one', 'Second', 'more', 'config.php?display=probe', false, true);
		$found[] = $notifications->get_num_active();
		$notifications->delete('probe', 'one');
		$found[] = $notifications->exists('probe', 'one');
		try {
			$notifications->add_warning('probe', str_repeat('n', 25), 'Too long a name');
			$found[] = 'accepted';
		} catch (\Exception $e) {
			$found[] = 'rejected';
		}
		return $found;
	}

	private function jobs($freepbx) {
		$job = $freepbx->Job;
		$job->setEnabled('probe', 'beat', false);
		$job->addCommand('probe', 'beat', 'true', '0 * * * *', 7);
		$rows = $job->getAll();
		$found = array(count($rows), (int) $rows[0]['enabled'], $rows[0]['schedule'], (int) $rows[0]['max_runtime']);
		try {
			$job->addCommand('probe', 'bad', 'true', 'every five minutes');
			$found[] = 'accepted';
		} catch (\Exception $e) {
			$found[] = 'rejected';
		}
		$job->setEnabled('probe', 'beat', true);
		$job->addCommand('probe', 'beat', 'echo beat >>/var/lib/asterisk/probe', '*/5 * * * *', 5);
		return $found;
	}
}
