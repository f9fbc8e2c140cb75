<?php
// fwconsole banbridge ...: the program itself, with its own output and exit code.
namespace FreePBX\Console\Command;

use FreePBX\modules\Banbridge\Program;
use Symfony\Component\Console\Command\Command;
use Symfony\Component\Console\Input\InputArgument;
use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

class Banbridge extends Command {
	protected function configure() {
		$this->setName('banbridge')
			->setDescription(_('Ban Bridge: blocks what apiban.org and other lists name'))
			->addArgument('args', InputArgument::IS_ARRAY, _('What the program banbridge takes, such as: status --json'))
			->setHelp(_('Hands everything to the program banbridge: sync, status, check ADDRESS, list, allow, release and more; "fwconsole banbridge help" names them all, and "fwconsole banbridge -- sync --help" explains one. "fwconsole banbridge job" is what FreePBX runs every five minutes.'));
		// The options are the program's, and it says what is wrong with them.
		$this->ignoreValidationErrors();
	}

	protected function execute(InputInterface $input, OutputInterface $output) {
		$module = \FreePBX::Banbridge();
		$args = $this->words();
		if ($args === array('job')) {
			$wrong = $module->job();
			if ($wrong !== null) {
				$output->writeln('<error>' . str_replace('<', '\\<', $wrong) . '</error>');
			}
			return $wrong === null ? 0 : 1;
		}
		$path = Program::path();
		if ($path === null) {
			fwrite(STDERR, _('The program banbridge is not installed.') . "\n");
			return 69;
		}
		// In the place of this process: no shell, the same terminal, the same exit code.
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
	 * The words behind the command's name, as they were typed. fwconsole keeps --help and --version for itself unless
	 * they stand behind a "--", which is not the program's then.
	 */
	private function words() {
		$words = isset($_SERVER['argv']) ? array_values($_SERVER['argv']) : array();
		$at = array_search('banbridge', $words, true);
		$words = $at === false ? array() : array_slice($words, $at + 1);
		return $words && $words[0] === '--' ? array_slice($words, 1) : $words;
	}
}
