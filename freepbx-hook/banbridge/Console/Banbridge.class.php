<?php
// fwconsole banbridge ...: runs the program, with its own output and exit code.
namespace FreePBX\Console\Command;

use FreePBX\modules\Banbridge\Program;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

class Banbridge extends Command {
	protected function configure() {
		$this->setName('banbridge')
			->setDescription(_('Ban Bridge: blocks the addresses that apiban.org and other feeds list'))
			->addArgument('args', InputArgument::IS_ARRAY, _('Arguments of the program banbridge, for example: status --json'))
			->setHelp(_('Passes everything to the program banbridge: sync, status, check ADDRESS, list, allow, unblock and more. "fwconsole banbridge help" lists all commands. "fwconsole banbridge -- sync --help" explains one. FreePBX runs "fwconsole banbridge job" every five minutes.'));
		// The options are the program's, which checks them itself.
		$this->ignoreValidationErrors();
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		$module = \FreePBX::Banbridge();
		$args = $this->arguments();
		if ($args === array('job')) {
			$failure = $module->job();
			if ($failure !== null) {
				$output->writeln('<error>' . str_replace('<', '\\<', $failure) . '</error>');
			}
			return $failure === null ? 0 : 1;
		}
		$path = Program::path();
		if ($path === null) {
			fwrite(STDERR, _('The program banbridge is not installed.') . "\n");
			return 69;
		}
		// Replaces this process: no shell, the same terminal, the same exit code.
		if (function_exists('pcntl_exec')) {
			@pcntl_exec($path, $args);
		}
		$stdin = (function_exists('posix_isatty') && posix_isatty(STDIN)) ? null : stream_get_contents(STDIN);
		$result = Program::run($args, array('stdin' => $stdin, 'seconds' => 3600));
		fwrite(STDOUT, $result['out']);
		if ($result['message'] !== '') {
			fwrite(STDERR, $result['message'] . "\n");
		}
		return $result['code'] === null ? 70 : $result['code'];
	}

	/**
	 * The arguments after the command's name, as they were typed. fwconsole handles --help and --version itself, unless
	 * they come after a "--". That "--" is then not passed on.
	 */
	private function arguments() {
		$arguments = isset($_SERVER['argv']) ? array_values($_SERVER['argv']) : array();
		$at = array_search('banbridge', $arguments, true);
		$arguments = $at === false ? array() : array_slice($arguments, $at + 1);
		return $arguments && $arguments[0] === '--' ? array_slice($arguments, 1) : $arguments;
	}
}
