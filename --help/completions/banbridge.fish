# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_banbridge_global_optspecs
    string join \n config= freepbx-conf= json v/verbose q/quiet h/help V/version
end

function __fish_banbridge_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_banbridge_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_banbridge_using_subcommand
    set -l cmd (__fish_banbridge_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c banbridge -n "__fish_banbridge_needs_command" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_needs_command" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_needs_command" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_needs_command" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_needs_command" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_needs_command" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_needs_command" -s V -l version -d 'print version'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "sync" -d 'Fetch the feeds and update the firewall blacklist'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "apply" -d 'Apply the saved state to the firewall, without fetching'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "status" -d 'Show whether everything works: feeds, last run, blacklist, firewall'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "history" -d 'Show activity by day'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "list" -d 'List what is blocked, skipped, unblocked or allowed'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "check" -d 'Show whether an address is blocked, and why (exits with 0: blocked, 1: not blocked)'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "feed" -d 'List, add, enable, test and compare feeds'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "coverage" -d 'Show who attacked this PBX according to its logs, when feeds listed them, and what got through'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "setup" -d 'Set up banbridge on this FreePBX: key, configuration, tables, timers, page, first run'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "doctor" -d 'Check everything that banbridge needs, and how to fix problems'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "export" -d 'Export blocked addresses to a file'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "allow" -d 'Add an address, network or host name to the allow list'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "unallow" -d 'Remove it from the allow list'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "unblock" -d 'Unblock an address or network for a time'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "purge" -d 'Remove banbridge\'s rows, tables, log and kernel set; the configuration stays'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "config" -d 'Check, show and change the configuration'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "log" -d 'Show the end of the log'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "backup" -d 'Print configuration (with the API key), allow list and unblocked addresses as JSON'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "restore" -d 'Restore a backup from standard input'
complete -c banbridge -n "__fish_banbridge_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -l feed -d 'fetch only this feed, even if it is not due' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -l wait -d 'how long to wait in total for rate limits [default: 0; on a terminal: no limit]' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -l full -d 'fetch every feed from its beginning'
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -l accept -d 'accept a feed that grew or shrank much more than usual'
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -l dry-run -d 'show what would be done, change nothing'
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand sync" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand apply" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand apply" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand apply" -l boot -d 'only load the saved kernel set: for early at boot, before the database is up'
complete -c banbridge -n "__fish_banbridge_using_subcommand apply" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand apply" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand apply" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand apply" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand status" -l format -d 'Write the figures in another form' -r -f -a "prometheus\t'For node_exporter\'s textfile collector'"
complete -c banbridge -n "__fish_banbridge_using_subcommand status" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand status" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand status" -l check -d 'For Nagios and Icinga: one line, and the exit code 0 (OK), 1 (warning), 2 (critical) or 3 (unknown)'
complete -c banbridge -n "__fish_banbridge_using_subcommand status" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand status" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand status" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand status" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand history" -l days -d 'number of days, with today; at most 90' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand history" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand history" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand history" -l runs -d 'list the runs, the latest first; runs without changes are kept for one day'
complete -c banbridge -n "__fish_banbridge_using_subcommand history" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand history" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand history" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand history" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l feed -d 'only entries of this feed' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l offset -d 'for programs: skip the first N; with this or --limit the JSON is {"total", "rows"}' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l limit -d 'for programs: at most N' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l search -d 'only what contains this text, or this address' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l sort -d 'column to sort by' -r -f -a "address\t'by number, IPv4 first'
feed\t'by name'
first_seen\t'by time'
expires_at\t'by time; entries without an end come last'
blocked_packets\t'by number'"
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l order -d 'direction' -r -f -a "asc\t'the smallest first'
desc\t'the largest first'"
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l skipped -d 'entries that are invalid, too wide or protected'
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l unblocked -d 'what you unblocked, and until when'
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l allowed -d 'the allow list'
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l with-other-rows -d 'include your own rows of the blacklist'
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand list" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand check" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand check" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand check" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand check" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand check" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand check" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -f -a "list" -d 'List the feeds of the configuration'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -f -a "catalog" -d 'List feeds that can be added by name'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -f -a "add" -d 'Add a feed of the catalog to the configuration'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -f -a "enable" -d 'Enable a feed'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -f -a "disable" -d 'Disable a feed: what no other feed lists is no longer blocked'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -f -a "test" -d 'Fetch a feed and show what it would do, or test the API key; changes nothing'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -f -a "overlap" -d 'Show how much of each feed the other feeds contain'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and not __fish_seen_subcommand_from list catalog add enable disable test overlap help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from list" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from list" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from list" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from list" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from list" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from list" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from catalog" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from catalog" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from catalog" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from catalog" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from catalog" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from catalog" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from add" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from add" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from add" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from add" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from add" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from add" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from enable" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from enable" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from enable" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from enable" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from enable" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from enable" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from disable" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from disable" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from disable" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from disable" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from disable" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from disable" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from test" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from test" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from test" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from test" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from test" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from test" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from overlap" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from overlap" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from overlap" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from overlap" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from overlap" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from overlap" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the feeds of the configuration'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from help" -f -a "catalog" -d 'List feeds that can be added by name'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add a feed of the catalog to the configuration'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from help" -f -a "enable" -d 'Enable a feed'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from help" -f -a "disable" -d 'Disable a feed: what no other feed lists is no longer blocked'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from help" -f -a "test" -d 'Fetch a feed and show what it would do, or test the API key; changes nothing'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from help" -f -a "overlap" -d 'Show how much of each feed the other feeds contain'
complete -c banbridge -n "__fish_banbridge_using_subcommand feed; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -l since -d 'from this time on: 2026-11-24, "2026-11-24 06:00", or 3d for three days ago' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -l until -d 'until before this time' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -l list -d 'with --suggest: fetch only this list, also one of a country; can be repeated' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -l svg -d 'write a chart of the attempts per hour to this file' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -l suggest -d 'also fetch the other lists of the catalog, and disabled ones, and show what they would have caught'
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand coverage" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -l key-file -d 'file whose first line is the apiban key [default: asked on the terminal, or BANBRIDGE_APIBAN_KEY]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -l url -d 'another server that speaks apiban\'s API' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -l yes -d 'ask no questions'
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -l no-module -d 'do not touch the page in FreePBX'
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -l no-timers -d 'do not touch the timers'
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -l remove -d 'remove timers and page; configuration, rows and tables stay'
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand setup" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand doctor" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand doctor" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand doctor" -l offline -d 'Ask no feed'
complete -c banbridge -n "__fish_banbridge_using_subcommand doctor" -l disable-old-client -d 'Disable what an old client left: its cron line and its chain (apiban\'s client, VoIPBL\'s script); asks first'
complete -c banbridge -n "__fish_banbridge_using_subcommand doctor" -l yes -d 'With --disable-old-client: do not ask for confirmation'
complete -c banbridge -n "__fish_banbridge_using_subcommand doctor" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand doctor" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand doctor" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand doctor" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand export" -l format -d 'format' -r -f -a "plain\t'one address or network per line'
netset\t'the same with a header, as FireHOL writes it'
json\t'array of objects'
nft\t'commands for nft: two sets in a table banbridge_export'
ipset\t'commands for ipset restore'"
complete -c banbridge -n "__fish_banbridge_using_subcommand export" -l output -d 'file to write, replaced as a whole [default: standard output]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand export" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand export" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand export" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand export" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand export" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand export" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand allow" -l comment -d 'note to show in the list' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand allow" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand allow" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand allow" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand allow" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand allow" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand allow" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand unallow" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand unallow" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand unallow" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand unallow" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand unallow" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand unallow" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand unblock" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand unblock" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand unblock" -l undo -d 'let the feeds block it again'
complete -c banbridge -n "__fish_banbridge_using_subcommand unblock" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand unblock" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand unblock" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand unblock" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand purge" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand purge" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand purge" -l yes -d 'do not ask'
complete -c banbridge -n "__fish_banbridge_using_subcommand purge" -l keep-log -d 'keep the log'
complete -c banbridge -n "__fish_banbridge_using_subcommand purge" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand purge" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand purge" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand purge" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -f -a "check" -d 'Check the configuration and freepbx.conf'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -f -a "show" -d 'Show the configuration with all defaults; secrets are masked'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -f -a "get" -d 'Show one setting; with --json also its default and its line in the file'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -f -a "set" -d 'Change one setting; comments and layout of the file stay'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and not __fish_seen_subcommand_from check show get set help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from check" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from check" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from check" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from show" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from get" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from get" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from get" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from get" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from get" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from get" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from set" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from set" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from set" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from set" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from set" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from set" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check the configuration and freepbx.conf'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show the configuration with all defaults; secrets are masked'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "get" -d 'Show one setting; with --json also its default and its line in the file'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "set" -d 'Change one setting; comments and layout of the file stay'
complete -c banbridge -n "__fish_banbridge_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c banbridge -n "__fish_banbridge_using_subcommand log" -l lines -d 'how many lines' -r
complete -c banbridge -n "__fish_banbridge_using_subcommand log" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand log" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand log" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand log" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand log" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand log" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand backup" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand backup" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand backup" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand backup" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand backup" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand backup" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand restore" -l config -d 'configuration file [default: /etc/asterisk/banbridge.toml]' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand restore" -l freepbx-conf -d 'FreePBX\'s database settings' -r -F
complete -c banbridge -n "__fish_banbridge_using_subcommand restore" -l json -d 'print JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand restore" -s v -l verbose -d 'print more (-vv: much more)'
complete -c banbridge -n "__fish_banbridge_using_subcommand restore" -s q -l quiet -d 'print errors only (for cron)'
complete -c banbridge -n "__fish_banbridge_using_subcommand restore" -s h -l help -d 'print help'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "sync" -d 'Fetch the feeds and update the firewall blacklist'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "apply" -d 'Apply the saved state to the firewall, without fetching'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "status" -d 'Show whether everything works: feeds, last run, blacklist, firewall'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "history" -d 'Show activity by day'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "list" -d 'List what is blocked, skipped, unblocked or allowed'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "check" -d 'Show whether an address is blocked, and why (exits with 0: blocked, 1: not blocked)'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "feed" -d 'List, add, enable, test and compare feeds'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "coverage" -d 'Show who attacked this PBX according to its logs, when feeds listed them, and what got through'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "setup" -d 'Set up banbridge on this FreePBX: key, configuration, tables, timers, page, first run'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "doctor" -d 'Check everything that banbridge needs, and how to fix problems'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "export" -d 'Export blocked addresses to a file'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "allow" -d 'Add an address, network or host name to the allow list'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "unallow" -d 'Remove it from the allow list'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "unblock" -d 'Unblock an address or network for a time'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "purge" -d 'Remove banbridge\'s rows, tables, log and kernel set; the configuration stays'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "config" -d 'Check, show and change the configuration'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "log" -d 'Show the end of the log'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "backup" -d 'Print configuration (with the API key), allow list and unblocked addresses as JSON'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "restore" -d 'Restore a backup from standard input'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and not __fish_seen_subcommand_from sync apply status history list check feed coverage setup doctor export allow unallow unblock purge config log backup restore help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from feed" -f -a "list" -d 'List the feeds of the configuration'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from feed" -f -a "catalog" -d 'List feeds that can be added by name'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from feed" -f -a "add" -d 'Add a feed of the catalog to the configuration'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from feed" -f -a "enable" -d 'Enable a feed'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from feed" -f -a "disable" -d 'Disable a feed: what no other feed lists is no longer blocked'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from feed" -f -a "test" -d 'Fetch a feed and show what it would do, or test the API key; changes nothing'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from feed" -f -a "overlap" -d 'Show how much of each feed the other feeds contain'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Check the configuration and freepbx.conf'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Show the configuration with all defaults; secrets are masked'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "get" -d 'Show one setting; with --json also its default and its line in the file'
complete -c banbridge -n "__fish_banbridge_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "set" -d 'Change one setting; comments and layout of the file stay'
