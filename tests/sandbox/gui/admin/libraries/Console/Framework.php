<?php
// The framework's own commands.
namespace FreePBX\Console\Command;

use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Input\InputOption;
use Symfony\Component\Console\Output\OutputInterface;

/** job --run [ID] [--force]: runs the enabled jobs at once, whatever their schedule. */
class Job extends Command {
	protected function configure() {
		$this->setName('job')
			->addOption('run', null, InputOption::VALUE_OPTIONAL, '', false)
			->addOption('list', null, InputOption::VALUE_NONE)
			->addOption('force', null, InputOption::VALUE_NONE);
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		foreach (\FreePBX::Job()->getAll() as $job) {
			if ($input->getOption('list')) {
				$output->writeln(json_encode($job));
				continue;
			}
			$only = $input->getOption('run');
			if ($only ? $only !== $job['id'] : !$job['enabled'] && !$input->getOption('force')) {
				continue;
			}
			$output->write('Running '.$job['modulename'].'::'.$job['jobname'].'...');
			if ($job['class']) {
				$module = \FreePBX::Modules()->cleanModuleName($job['modulename']);
				\FreePBX::create()->$module;
				if (!in_array('FreePBX\Job\TaskInterface', class_implements($job['class']), true)) {
					$output->writeln('<error>'.$job['class'].' is not a task</error>');
					continue;
				}
				if (call_user_func(array($job['class'], 'run'), $input, $output) !== true) {
					$output->writeln('<error>Command did not return true!</error>');
				}
			} else {
				// Stopped at its time limit, as in FreePBX.
				passthru('timeout '.(int) $job['max_runtime'].' sh -c '.escapeshellarg($job['command']).' 2>&1', $code);
			}
			$output->writeln('Done');
		}
		return 0;
	}
}

/** notifications: prints all of them, one JSON line each. */
class Notifications extends Command {
	protected function configure() {
		$this->setName('notifications')
			->addOption('list', null, InputOption::VALUE_NONE)
			->addOption('json', null, InputOption::VALUE_NONE);
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		foreach (\FreePBX::Notifications()->list_all(true) as $notice) {
			$output->writeln(json_encode($notice), OutputInterface::OUTPUT_RAW);
		}
		return 0;
	}
}

/** start: runs the modules' hooks before and after Asterisk starts. */
class Start extends Command {
	protected function configure() {
		$this->setName('start')->addArgument('args', InputArgument::IS_ARRAY);
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		$output->writeln('Running FreePBX startup...');
		$this->preAsteriskHooks($output);
		$this->postAsteriskHooks($output);
		return 0;
	}

	private function preAsteriskHooks($output) {
		\FreePBX::Hooks()->processHooks($output);
	}

	private function postAsteriskHooks($output) {
		\FreePBX::Hooks()->processHooks($output);
	}
}

/** stop: runs the modules' hooks before and after Asterisk stops. */
class Stop extends Command {
	protected function configure() {
		$this->setName('stop')->addArgument('args', InputArgument::IS_ARRAY);
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		$this->preAsteriskHooks($output);
		$this->postAsteriskHooks($output);
		return 0;
	}

	private function preAsteriskHooks($output) {
		\FreePBX::Hooks()->processHooks($output);
	}

	private function postAsteriskHooks($output) {
		\FreePBX::Hooks()->processHooks($output);
	}
}

/** chown: also for files that modules name. */
class Chown extends Command {
	protected function configure() {
		$this->setName('chown');
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		$this->fwcChownFiles();
		return 0;
	}

	private function fwcChownFiles() {
		\FreePBX::Hooks()->processHooks();
	}
}

/** reload: links the assets of every module. Nothing else of FreePBX does it, so a new page has neither script nor style before. */
class Reload extends Command {
	protected function configure() {
		$this->setName('reload');
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		$root = \FreePBX::Config()->get('AMPWEBROOT').'/admin';
		foreach (glob("$root/modules/*/assets") as $assets) {
			$link = "$root/assets/".basename(dirname($assets));
			if (!is_link($link)) {
				symlink($assets, $link);
			}
		}
		$output->writeln('Successfully reloaded');
		return 0;
	}
}
