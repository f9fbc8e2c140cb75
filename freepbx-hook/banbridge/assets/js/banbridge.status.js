// The top of the page: the state, problems, a run and its preview.
window.Banbridge = window.Banbridge || {};
(function (bb) {
	'use strict';

	/** How often the status is read during a run and otherwise, in milliseconds. */
	var OFTEN = 2000, SELDOM = 60000;
	/** A run that was started, but was not seen in this many readings, has already ended. */
	var READINGS = 5;
	var timer = null, asked = null;

	function load() {
		window.clearTimeout(timer);
		return bb.ask('status').then(function (answer) {
			bb.status = answer.data;
			show(answer.data);
			var in_progress = follow(answer.data);
			timer = window.setTimeout(load, in_progress ? OFTEN : SELDOM);
			bb.parts.forEach(function (part) {
				if (part.status) {
					part.status(answer.data);
				}
			});
		}, function (failure) {
			badge('error', bb.text('state_unknown'));
			bb.byId('bb-state-text').textContent = failure.message;
			bb.fill(bb.byId('bb-state-action'), failure.reload ? bb.button(bb.text('reload_page'), 'btn-default btn-sm', function () {
				window.location.reload();
			}) : []);
			timer = window.setTimeout(load, SELDOM);
		});
	}

	// ---- State ----

	var KINDS = {blocking: 'ok', pending: 'warning', out_of_date: 'warning', not_blocking: 'error', nothing_to_block: 'neutral', no_run: 'neutral', unknown: 'warning'};

	function badge(kind, text) {
		var element = bb.byId('bb-state-word');
		element.className = 'bb-badge bb-badge-' + kind;
		element.textContent = text;
	}

	function show(status) {
		var state = status.state || 'unknown', coded = status.state_coded || {};
		badge(KINDS[state] || 'neutral', bb.text('state_' + state));
		bb.byId('bb-state-text').textContent = bb.sentence(coded);
		bb.fill(bb.byId('bb-state-action'), mend(coded) || []);
		var times = [];
		if (status.state_since) {
			times.push(bb.text('since', bb.when(status.state_since)));
		}
		if (status.last_run) {
			times.push(bb.text('last_run', bb.when(status.last_run.finished_at || status.last_run.started_at)));
		}
		if (!status.next_run) {
			times.push(bb.text('next_run_soon'));
		} else if (new Date(status.next_run) <= Date.now()) {
			times.push(bb.text('next_run_now'));
		} else {
			times.push(bb.text('next_run', bb.when(status.next_run)));
		}
		bb.byId('bb-state-times').textContent = times.join(' · ');
		bb.fill(bb.byId('bb-problems'), problems(status));
	}

	/** What is wrong besides the state, each thing once. */
	function problems(status) {
		var state = status.state_coded || {}, list = status.blacklist || {};
		/** The state says the same in its own words. */
		function said(coded) {
			var same = {out_of_date: 'feed_late', never_updated: 'feed_never'}[coded.code] || coded.code;
			return same === state.code && (!state.feed || state.feed === coded.feed);
		}
		var all = (status.problems || []).filter(function (problem) {
			return !said(problem.coded);
		}).map(function (problem) {
			var coded = problem.coded, named = bb.named(coded);
			var words = bb.plain(coded.detail);
			var detail = words && bb.sentence(coded).indexOf(words) < 0 ? bb.make('details', {}, [
				bb.make('summary', {}, bb.text('details')), words
			]) : null;
			return bb.alert(problem.level === 'error' ? 'danger' : 'warning', [
				bb.sentence(coded) + ' ', mend(coded), named.length ? bb.bullets(named) : null,
				named.length ? bb.text('named_advice') : null, detail
			]);
		});
		if (list.not_by_row && !(status.set || {}).backend) {
			all.push(bb.alert('warning', bb.text('no_ipv6', bb.number(list.not_by_row))));
		}
		(status.protected || []).forEach(function (source) {
			if (source.last_error) {
				all.push(bb.alert('warning', bb.text('source_failed', bb.text('source_' + source.source))));
			}
		});
		if (status.root && !status.root.timer) {
			all.push(bb.alert('info', [bb.text('root_missing') + ' ', status.root.install ? bb.make('code', {}, status.root.install) : null]));
		}
		return all;
	}

	/** The button that mends what a code says. */
	function mend(coded) {
		if (coded.code === 'firewall_disabled' && bb.mayChange) {
			var alone = bb.button(bb.text('protect_alone'), 'btn-default btn-sm', function () {
				bb.change(alone, 'setting', {name: 'set.without_firewall', value: 'true'}, bb.text('protect_alone_done')).catch(bb.quiet);
			});
			return bb.make('span', {}, [bb.make('a', {'class': 'btn btn-default btn-sm', href: '?display=firewall'}, bb.text('open_firewall')), ' ', alone]);
		}
		if (/^firewall_(disabled|not_running)$/.test(coded.code) || coded.code === 'overlap') {
			return bb.make('a', {'class': 'btn btn-default btn-sm', href: '?display=firewall'}, bb.text('open_firewall'));
		}
		if (/^(key_not_accepted|row_limit)$/.test(coded.code)) {
			return bb.button(bb.text('open_settings'), 'btn-default btn-sm', function () {
				bb.showTab('bb-panel-settings', true);
			});
		}
		if (coded.code === 'held' && bb.mayChange) {
			return bb.button(bb.text('feed_review_long'), 'btn-default btn-sm', function () {
				bb.review(coded.feed);
			});
		}
		return null;
	}

	// ---- A run ----

	/** Shows the progress of a run; true while it is in progress. */
	function follow(status) {
		var box = bb.byId('bb-progress'), running = status.running;
		var button = bb.byId('bb-run');
		if (running) {
			var texts = [running.feed ? bb.text('run_feed', running.feed) : bb.text('run_works')];
			if (typeof running.entries === 'number') {
				texts.push(bb.text('run_entries', bb.number(running.entries)));
			}
			if (running.waiting_until) {
				texts.push(bb.text('run_waits', bb.time(running.waiting_until)));
			}
			bb.fill(box, bb.waiting(texts.join(' ')));
			asked = asked || {readings: 0, before: null};
			asked.seen = true;
		} else if (asked) {
			var last = status.last_run, ended = last && last.started_at !== asked.before;
			asked.readings += 1;
			if (asked.seen || ended || asked.readings > READINGS) {
				ending(last, ended || asked.seen);
			}
		}
		if (button) {
			button.disabled = !!(running || asked);
		}
		return !!(running || asked);
	}

	function ending(last, seen) {
		asked = null;
		bb.fill(bb.byId('bb-progress'), []);
		if (last && seen && last.exit_code === 0) {
			bb.say(bb.text('run_done', bb.number(last.added), bb.number(last.removed)));
		} else if (last && seen) {
			bb.say(bb.text('run_partly'), 'warning');
		} else {
			bb.say(bb.text('run_unseen'), 'warning');
		}
		bb.changed(me);
	}

	function run(button) {
		var last = bb.status && bb.status.last_run;
		asked = {readings: 0, before: last ? last.started_at : null, seen: false};
		bb.fill(bb.byId('bb-progress'), bb.waiting(bb.text('run_starts')));
		bb.busy(button, bb.ask('sync')).then(function () {
			button.disabled = true;
			window.clearTimeout(timer);
			timer = window.setTimeout(load, 1000);
		}, function () {
			asked = null;
			bb.fill(bb.byId('bb-progress'), []);
		});
	}

	// ---- The preview of a run ----

	function preview() {
		var dialog = bb.dialog(bb.text('preview_title'), bb.waiting(bb.text('preview_works')));
		bb.ask('preview').then(function (answer) {
			dialog.fill(plan(answer.data));
			dialog.action(bb.text('run_now'), 'btn-primary', function () {
				dialog.close();
				run(bb.byId('bb-run'));
			});
		}, function (failure) {
			var data = failure.answer && failure.answer.data;
			dialog.fill([bb.alert('danger', bb.wrong(failure))].concat(data && data.blacklist ? plan(data) : []));
		});
	}

	function plan(data) {
		var list = data.blacklist || {}, add = data.plan_add || [], remove = data.plan_remove || [];
		var content = [
			bb.make('p', {}, bb.text('preview_nothing_changed')),
			bb.facts([
				[bb.text('rows_add'), bb.number(add.length)],
				[bb.text('rows_remove'), bb.number(remove.length)],
				[bb.text('rows_keep'), bb.number(list.kept)],
				[bb.text('protected'), bb.number(list.protected)],
				[bb.text('over_limit'), bb.number(list.over_limit)],
				[bb.text('rows_yours'), bb.number(list.other_rows)]
			])
		];
		(data.feeds || []).forEach(function (feed) {
			var text = bb.text('feed_brings', feed.name, bb.number(feed.fetched), bb.number(feed.used));
			content.push(bb.make('p', {}, [text, feed.held ? ' ' + bb.text('feed_held_short') : '', feed.error ? ' ' + bb.plain(feed.error) : '']));
		});
		if ((data.warnings || []).length) {
			content.push(bb.alert('warning', bb.bullets(data.warnings.map(bb.plain).filter(Boolean))));
		}
		content.push(rows('rows_add', add), rows('rows_remove', remove));
		return content;
	}

	function rows(title, list) {
		if (!list.length) {
			return null;
		}
		return bb.make('details', {}, [bb.make('summary', {}, bb.text(title) + ': ' + bb.number(list.length)), bb.bullets(list, 100)]);
	}

	/** Starts a run and follows it. */
	bb.run = function () {
		run(bb.byId('bb-run'));
	};

	var me = {
		start: function () {
			if (bb.mayChange) {
				bb.byId('bb-run').addEventListener('click', function () {
					run(this);
				});
				bb.byId('bb-preview').addEventListener('click', preview);
			}
			bb.byId('bb-refresh').addEventListener('click', function () {
				bb.busy(this, load()).then(function () {
					bb.changed(me);
				});
			});
			document.querySelectorAll('#banbridge [data-bb-tab]').forEach(function (link) {
				link.addEventListener('click', function () {
					bb.showTab(link.getAttribute('data-bb-tab'), true);
				});
			});
			load();
		},
		refresh: load
	};
	bb.parts.push(me);
}(window.Banbridge));
