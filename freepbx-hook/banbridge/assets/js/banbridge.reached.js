// Who reached the phone system, who of them was listed when, and what each feed was good for.
window.Banbridge = window.Banbridge || {};
(function (bb) {
	'use strict';

	function table(id, head, rows) {
		return bb.make('div', {'class': 'bb-table', tabindex: '0', role: 'region', 'aria-labelledby': id}, bb.make('table', {'class': 'table table-striped'}, [
			bb.make('thead', {}, bb.make('tr', {}, head.map(function (title) {
				return bb.make('th', {scope: 'col'}, title);
			}))),
			bb.make('tbody', {}, rows.map(function (row) {
				return bb.make('tr', {}, row.map(function (cell) {
					return bb.make('td', {}, cell);
				}));
			}))
		]));
	}

	function listed(one) {
		var feeds = one.feeds.join(', ');
		if (one.listed === 'after') {
			return bb.text('listed_after', bb.number(Math.ceil(one.after_s / 3600)), feeds);
		}
		return one.listed === 'never' ? bb.text('listed_never') : bb.text('listed_' + one.listed, feeds);
	}

	function report(data) {
		var content = (data.log_problems || []).map(function (one) {
			return bb.alert('warning', bb.text('attackers_log', one.log, bb.plain(one.problem)));
		});
		if (!data.saved_since) {
			return content.concat(bb.make('p', {}, bb.text('attackers_not_read')));
		}
		var leaks = (data.leaks || []).reduce(function (sum, leak) {
			return sum + leak.attempts;
		}, 0);
		content.push(bb.facts([
			[bb.text('attackers_since'), bb.time(data.saved_since)],
			[bb.text('attackers_number'), bb.number(data.attackers)],
			[bb.text('attackers_attempts'), bb.number(data.attempts)],
			[bb.text('attackers_listed'), bb.number(data.listed)],
			[bb.text('attackers_unlisted'), bb.number(data.unlisted)],
			[bb.text('attackers_leaks'), leaks ? bb.number(leaks) : null]
		]));
		if (!data.attackers) {
			return content.concat(bb.make('p', {}, bb.text('attackers_none')));
		}
		function row(name, one, stops, alone) {
			return [name].concat([one.before, one.at, one.after, one.never].map(bb.number), stops, alone);
		}
		var feeds = data.feeds.map(function (feed) {
			return row(feed.feed, feed, bb.number(feed.stopped), bb.number(feed.stopped_alone));
		});
		feeds.push(row(bb.text('attackers_any'), data.any_feed, bb.number(data.listed), ''));
		content.push(
			table('bb-attackers-title', [bb.text('col_feed'), bb.text('col_before'), bb.text('col_at'), bb.text('col_after'),
				bb.text('col_never'), bb.text('col_stops'), bb.text('col_alone')], feeds),
			table('bb-attackers-title', [bb.text('col_address'), bb.text('col_attempts'), bb.text('col_unlisted'), bb.text('col_last'),
				bb.text('col_listed')], data.worst.map(function (one) {
				return [one.address, bb.number(one.attempts), bb.number(one.unlisted), bb.time(one.last), listed(one)];
			}))
		);
		return content;
	}

	function load() {
		var box = bb.byId('bb-attackers');
		bb.fill(box, bb.waiting(bb.text('loading')));
		return bb.ask('coverage', {days: bb.byId('bb-attackers-days').value}).then(function (answer) {
			bb.fill(box, report(answer.data));
		}, function (failure) {
			bb.fill(box, bb.alert('danger', bb.wrong(failure)));
		});
	}

	bb.parts.push({
		panel: 'bb-panel-attackers',
		start: function () {
			bb.byId('bb-attackers-days').addEventListener('change', load);
		},
		show: load,
		refresh: load
	});
}(window.Banbridge));
