// The top of the page: the state, problems, the system timer, the tiles, the chart, a run and its preview.
window.Banbridge = window.Banbridge || {};
(function (bb) {
	'use strict';

	var SVG = 'http://www.w3.org/2000/svg';
	/** How often the status is read during a run and otherwise, in milliseconds. */
	var OFTEN = 2000, SELDOM = 60000;
	/** A run that was started, but was not seen in this many readings, has already ended. */
	var READINGS = 5;
	/** The program's exit code for a configuration that is invalid or missing. */
	var CONFIGURATION = 78;
	var timer = null, asked = null;

	function load() {
		window.clearTimeout(timer);
		return bb.ask('status').then(function (answer) {
			bb.status = answer.data;
			show(answer.data, answer.message);
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
			bb.fill(bb.byId('bb-root'), failure.answer && failure.answer.code === CONFIGURATION ? first() : []);
			timer = window.setTimeout(load, SELDOM);
		});
	}

	/** The first step if there is no configuration yet. */
	function first() {
		return bb.alert('info', [
			bb.make('p', {}, bb.text('first_key')),
			bb.make('p', {}, bb.make('a', {href: 'https://apiban.org/getkey.html', target: '_blank', rel: 'noopener noreferrer'}, 'apiban.org/getkey.html')),
			bb.button(bb.text('first_settings'), 'btn-default', function () {
				bb.showTab('bb-panel-settings', true);
			})
		]);
	}

	// ---- State ----

	var KINDS = {blocking: 'ok', pending: 'warning', out_of_date: 'warning', not_blocking: 'error', nothing_to_block: 'neutral', no_run: 'neutral', unknown: 'warning'};

	function badge(kind, text) {
		var element = bb.byId('bb-state-word');
		element.className = 'bb-badge bb-badge-' + kind;
		element.textContent = text;
	}

	function show(status, warning) {
		var state = status.state || (status.blocking ? 'blocking' : 'not_blocking');
		badge(KINDS[state] || 'neutral', bb.text('state_' + state));
		bb.byId('bb-state-text').textContent = status.state_text || '';
		var times = [];
		if (status.state_since) {
			times.push(bb.text('since', bb.when(status.state_since)));
		}
		if (status.last_run) {
			times.push(bb.text('last_run', bb.when(status.last_run.finished_at || status.last_run.started_at)));
		}
		if (!status.next_run) {
			times.push(bb.text('next_run_unknown'));
		} else if (new Date(status.next_run) <= Date.now()) {
			times.push(bb.text('next_run_now'));
		} else {
			times.push(bb.text('next_run', bb.when(status.next_run)));
		}
		bb.byId('bb-state-times').textContent = times.join(' · ');
		var notes = (status.notes || []).concat(warning ? [warning] : []);
		bb.fill(bb.byId('bb-notes'), notes.map(function (note) {
			return bb.make('li', {}, note);
		}));
		bb.fill(bb.byId('bb-problems'), (status.problems || []).map(function (problem) {
			return bb.alert(problem.level === 'error' ? 'danger' : 'warning', [bb.make('strong', {}, problem.title || ''), ' ', problem.text || '']);
		}));
		root(status);
		tiles(status);
	}

	function root(status) {
		var box = bb.byId('bb-root'), given = status.root;
		if (!given) {
			bb.fill(box, []);
		} else if (given.timer) {
			var last = given.last_run ? ' ' + bb.text('root_last', bb.when(given.last_run)) : '';
			bb.fill(box, bb.make('p', {'class': 'bb-small'}, bb.text('root_there') + last));
		} else {
			bb.fill(box, bb.alert('warning', [
				bb.make('p', {}, bb.text('root_missing')),
				given.install ? bb.make('p', {}, [bb.text('root_command') + ' ', bb.make('code', {}, given.install)]) : null
			]));
		}
	}

	// ---- Tiles and chart ----

	function tile(id, value, text) {
		bb.byId(id).textContent = bb.number(value);
		bb.byId(id + '-words').textContent = text || '';
	}

	function tiles(status) {
		var list = status.blacklist || {}, packets = status.packets || null;
		var blocked = typeof list.blocked === 'number' ? list.blocked : list.rows;
		tile('bb-blocked', blocked, typeof list.to_block === 'number' ? bb.text('of_to_block', bb.number(list.to_block)) : '');
		tile('bb-protected', list.protected, bb.text('protected_words'));
		var limit = !list.over_limit ? 'limit_words' : (status.set || {}).backend ? 'limit_by_set' : 'limit_not_blocked';
		tile('bb-over', list.over_limit, bb.text(limit, bb.number(list.limit)));
		if (packets) {
			tile('bb-packets', packets.day, bb.text('packets_words'));
		} else {
			tile('bb-packets', null, bb.text('packets_unknown'));
		}
		chart(packets && packets.hours ? packets.hours : []);
	}

	function shape(name, attributes) {
		var element = document.createElementNS(SVG, name);
		Object.keys(attributes).forEach(function (key) {
			element.setAttribute(key, attributes[key]);
		});
		return element;
	}

	/** A bar for each hour, with a text for those who cannot see it. */
	function chart(hours) {
		var box = bb.byId('bb-chart');
		if (!hours.length) {
			bb.fill(box, []);
			return;
		}
		var most = 0, sum = 0, when = null;
		hours.forEach(function (hour) {
			sum += hour.packets;
			if (hour.packets > most) {
				most = hour.packets;
				when = hour.at;
			}
		});
		var width = 336, height = 60, step = width / Math.max(hours.length, 1);
		var text = most ? bb.text('chart_words', bb.number(sum), bb.number(most), bb.time(when)) : bb.text('chart_empty');
		var svg = shape('svg', {viewBox: '0 0 ' + width + ' ' + height, role: 'img', 'aria-label': text, 'class': 'bb-chart', preserveAspectRatio: 'none'});
		svg.appendChild(shape('line', {x1: 0, y1: height - 0.5, x2: width, y2: height - 0.5, 'class': 'bb-chart-base'}));
		hours.forEach(function (hour, at) {
			var high = most ? Math.max(hour.packets ? 1.5 : 0, hour.packets / most * (height - 4)) : 0;
			var bar = shape('rect', {x: at * step, y: height - high, width: Math.max(step - 0.4, 0.6), height: high, 'class': 'bb-chart-bar'});
			var title = shape('title', {});
			title.textContent = bb.time(hour.at) + ': ' + bb.number(hour.packets);
			bar.appendChild(title);
			svg.appendChild(bar);
		});
		bb.fill(box, [svg, bb.make('p', {'class': 'bb-small', 'aria-hidden': 'true'}, text)]);
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
			bb.say(bb.text('run_partly', last.error || ''), 'warning');
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
			dialog.fill([bb.alert('danger', failure.message)].concat(data && data.blacklist ? plan(data) : []));
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
			content.push(bb.make('p', {}, [text, feed.held ? ' ' + bb.text('feed_held_short') : '', feed.error ? ' ' + feed.error : '']));
		});
		if ((data.warnings || []).length) {
			content.push(bb.alert('warning', bb.bullets(data.warnings)));
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
