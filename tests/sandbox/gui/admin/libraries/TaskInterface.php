<?php
namespace FreePBX\Job;

use Symfony\Component\Console\Input\InputInterface;
use Symfony\Component\Console\Output\OutputInterface;

/** The interface of a job that is a class. */
interface TaskInterface {
	public static function run(InputInterface $input, OutputInterface $output);
}
