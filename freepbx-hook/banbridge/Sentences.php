<?php
/**
 * The page's own sentence for each code of the program, in the user's language. {feed}, {at}, {number}, {limit} and
 * {detail} are the code's values. A code with "_1" behind it is for the number 1.
 */
namespace FreePBX\modules\Banbridge;

class Sentences {
	public static function all() {
		return array(
			// The state
			'blocked' => _('{number} addresses and networks are blocked.'),
			'blocked_1' => _('1 address or network is blocked.'),
			'no_run' => _('Nothing is blocked yet: there was no sync.'),
			'firewall_disabled' => _('The firewall is switched off.'),
			'firewall_not_running' => _('The firewall service does not run.'),
			'firewall_paused' => _('The firewall service is paused.'),
			'firewall_safe_mode' => _('The firewall is in safe mode, because the machine was restarted twice. It ends five minutes after the start.'),
			'read_only' => _('The database of this PBX takes no changes, so nothing new is blocked. What was blocked stays blocked.'),
			'not_seen' => _('Not known since {at}: nobody has looked at the firewall since then. The system timer does not run.'),
			'never_seen' => _('Not known: nobody has looked at the firewall yet. The system timer is not installed.'),
			'not_asked' => _('Not known: the rules of the firewall could not be read.'),
			'overlap' => _('Changes do not take effect, because rows of the firewall blacklist overlap. {detail}'),
			'no_rules' => _('The firewall has not loaded its rules yet.'),
			'rules_missing' => _('{number} rules of the firewall are missing. The next run adds them.'),
			'rules_missing_1' => _('1 rule of the firewall is missing. The next run adds it.'),
			'rules_left' => _('{number} rules still block and should not. The next run removes them.'),
			'rules_left_1' => _('1 rule still blocks and should not. The next run removes it.'),
			'set_missing' => _('{number} addresses and networks are not blocked yet. The next run adds them.'),
			'set_missing_1' => _('1 address or network is not blocked yet. The next run adds it.'),
			'late' => _('No sync since {at}. Blocked addresses stay blocked until they expire.'),
			'feed_late' => _('{feed} has not been updated since {at}. Its addresses stay blocked until they expire.'),
			'feed_never' => _('{feed} has never been updated, so none of its addresses is blocked.'),
			'nothing_listed' => _('No feed lists anything to block.'),
			'rows_wait' => _('The firewall has not loaded the latest changes yet.'),
			'nothing_allowed' => _('Nothing is blocked: all listed addresses are protected, unblocked or over the limit.'),
			'rows_pending' => _('{number} changes are pending. The next run makes them.'),
			'rows_pending_1' => _('1 change is pending. The next run makes it.'),
			// What blocks all the same
			'blocks_nothing' => _('Nothing is blocked.'),
			'blocks_set' => _('Ban Bridge itself still blocks the listed addresses.'),
			'blocks_rules' => _('What was blocked stays blocked, but changes do not take effect.'),
			// Problems
			'key_not_accepted' => _('{feed} does not accept the API key. No new addresses arrive, and the present ones expire.'),
			'out_of_date' => _('{feed}: no update since {at}. No new addresses arrive, and the present ones expire.'),
			'never_updated' => _('{feed}: never updated, so none of its addresses is blocked.'),
			'held' => _('{feed} suddenly asks for {number} more. What it listed before stays blocked.'),
			'row_limit' => _('{number} addresses and networks are not blocked: the firewall blacklist may have {limit} of them.'),
			'permit_not_ready' => _('Everybody can try the SIP ports: these lists were not fetched yet: {feed}.'),
			'permit_missing' => _('Everybody can try the SIP ports: the list of those who are let in is not in effect.'),
			'blocked_alone' => _('{number} addresses and networks are blocked, by Ban Bridge alone: the firewall is switched off.'),
			'blocked_alone_1' => _('1 address or network is blocked, by Ban Bridge alone: the firewall is switched off.'),
			'leak_set' => _('{detail} is blocked and reached Asterisk all the same. The packets probably come by a proxy, or the log has another time zone.'),
			'leak_ipv6' => _('{detail} is blocked and reached Asterisk all the same: the firewall does not enforce IPv6 rows, and Ban Bridge has no list of its own on this PBX.'),
			'leak_rows' => _('{detail} is blocked and reached Asterisk all the same, by an established connection or a trusted interface. A list of Ban Bridge\'s own would stop that, and this PBX has none.'),
			'clock' => _('The clock of this PBX may be wrong. {detail}'),
			'protected_listed' => _('{number} protected addresses are listed. They are not blocked.'),
			'protected_listed_1' => _('A protected address is listed. It is not blocked.'),
			'named' => _('{address}: {why}. Listed by {feed}.'),
			'program' => _('Ban Bridge does not answer: {detail}'),
		);
	}

	/** The sentence for a code and its values, as the program gives them. */
	public static function say($coded) {
		$all = self::all();
		$code = isset($coded->code) ? $coded->code : '';
		$number = isset($coded->number) ? $coded->number : null;
		$name = $number === 1 && isset($all[$code . '_1']) ? $code . '_1' : $code;
		$text = isset($all[$name]) ? $all[$name] : '{detail}';
		if (isset($coded->blocks)) {
			$text .= ' ' . $all['blocks_' . $coded->blocks];
		}
		$at = isset($coded->at) ? strtotime($coded->at) : false;
		$values = array(
			'{feed}' => isset($coded->feed) ? $coded->feed : '',
			'{at}' => $at === false ? '' : date('Y-m-d H:i', $at),
			'{number}' => $number === null ? '' : number_format($number),
			'{limit}' => isset($coded->limit) ? number_format($coded->limit) : '',
			'{detail}' => self::detail($coded),
		);
		return trim(strtr($text, $values));
	}

	/** What there is to know besides: each address that the code names, or somebody else's words. */
	public static function more($coded) {
		$all = self::all();
		$texts = array();
		foreach (isset($coded->listed) ? $coded->listed : array() as $one) {
			$texts[] = strtr($all['named'], array('{feed}' => implode(', ', $one->feeds), '{address}' => $one->address, '{why}' => $one->why));
		}
		return $texts ? implode(' ', $texts) : self::detail($coded);
	}

	/** Somebody else's words, without the sentences that name a command: here are buttons. */
	private static function detail($coded) {
		$sentences = preg_split('/\. (?=[A-Z])/', isset($coded->detail) ? $coded->detail : '');
		return implode('. ', array_filter($sentences, function ($sentence) {
			return !preg_match('/banbridge [a-z]|fwconsole |systemctl | --[a-z]/', $sentence);
		}));
	}
}
