// The settings and the log.
window.Banbridge = window.Banbridge || {};
(function (bb) {
	'use strict';

	var SETTINGS = 'bb-panel-settings', LOG = 'bb-panel-log';
	/** The fields that are shown: each with its input, and the value that is saved. */
	var shown = [];
	/** Whether there is no configuration to show. */
	var none = false;

	// ---- Settings ----

	/** The fields: name, label, value and, unless it is free text, the choices. `first`: not under Advanced. */
	function fields(config) {
		var list = config.blacklist || {}, status = bb.status || {}, rows = status.blacklist || {}, all = [], more = [];
		(config.feed || []).forEach(function (feed) {
			var name = 'feed.' + feed.name;
			if (feed.key !== undefined) {
				all.push({name: name + '.key', label: bb.text('set_key', feed.name), secret: true, value: feed.key, feed: feed.name, kind: feed.kind});
			}
			if (feed.dataset !== undefined) {
				all.push({name: name + '.dataset', label: bb.text('set_dataset', feed.name), value: feed.dataset, choice: ['sip', 'http', 'all']});
			}
			more.push({name: name + '.ttl', label: bb.text('set_ttl', feed.name), value: feed.ttl, help: bb.text('set_ttl_help')});
			more.push({name: name + '.interval', label: bb.text('set_interval', feed.name), value: feed.interval, help: bb.text('set_duration_help')});
		});
		all.push({name: 'protect.unblock', label: bb.text('set_unblock'), value: (config.protect || {}).unblock, help: bb.text('set_duration_help')});
		var cost = rows.restart_s ? bb.text('cost_restart', bb.number(rows.rows), rows.restart_s) :
			rows.pass_s ? bb.text('cost_pass', bb.number(rows.rows), rows.pass_s) : '';
		more.unshift(
			{name: 'blacklist.limit', label: bb.text('set_limit'), value: list.limit, help: bb.text('set_limit_help') + ' ' + cost},
			{name: 'blacklist.aggregate', label: bb.text('set_aggregate'), value: list.aggregate === false ? 'false' : 'true', choice: ['true', 'false']},
			{name: 'set.enabled', label: bb.text('set_set'), value: (config.set || {}).enabled, choice: ['auto', 'yes', 'no'], help: bb.text('set_set_help')},
			{name: 'set.action', label: bb.text('set_action'), value: (config.set || {}).action, choice: ['reject', 'drop']},
			{name: 'set.without_firewall', label: bb.text('set_alone'), value: (config.set || {}).without_firewall ? 'true' : 'false', choice: ['true', 'false'], help: bb.text('set_alone_help')},
			{name: 'log.level', label: bb.text('set_level'), value: (config.log || {}).level, choice: ['error', 'warn', 'info', 'debug']}
		);
		function known(field) {
			return field.secret || (field.value !== undefined && field.value !== null);
		}
		return {first: all.filter(known), advanced: more.filter(known)};
	}

	function row(field) {
		var id = 'bb-' + field.name.replace(/[^a-z0-9]/g, '-'), help = id + '-help';
		var value = field.value === null || field.value === undefined ? '' : String(field.value), input;
		if (field.secret) {
			input = bb.make('input', {
				type: 'password', id: id, 'class': 'form-control', autocomplete: 'new-password', 'aria-describedby': help,
				disabled: !bb.mayChange
			});
		} else if (field.choice) {
			input = bb.make('select', {id: id, 'class': 'form-control', disabled: !bb.mayChange}, field.choice.map(function (choice) {
				return bb.make('option', {value: choice, selected: choice === value}, bb.text('choice_' + choice));
			}));
		} else {
			input = bb.make('input', {
				type: 'text', id: id, 'class': 'form-control', value: value, autocomplete: 'off', disabled: !bb.mayChange,
				'aria-describedby': field.help ? help : null
			});
		}
		var answer = bb.make('div', {role: 'status', 'class': 'bb-setting-answer'}), buttons = [];
		// Other kinds of feeds are tested on their card, with the saved key.
		if (field.kind === 'apiban' && bb.mayChange) {
			buttons.push(bb.button(bb.text('key_test'), 'btn-default', function (button) {
				testKey(button, field, input, answer);
			}));
		}
		var hint = field.secret ? bb.text('set_key_help', value && value !== 'missing' ? value : bb.text('key_none')) : field.help;
		shown.push({field: field, input: input, answer: answer, saved: field.secret ? '' : value});
		return bb.make('div', {'class': 'bb-setting', 'data-bb-setting': field.name}, [
			bb.make('label', {'for': id}, field.label),
			bb.make('div', {'class': 'bb-setting-field'}, [input].concat(buttons)),
			hint ? bb.make('p', {id: help, 'class': 'bb-small'}, hint) : null,
			answer
		]);
	}

	function isTyped(one) {
		return one.input.value.trim() !== one.saved;
	}

	/** Saves what was typed, one setting after the other. What is refused says so at its field, and stays typed. */
	function save(button) {
		var typed = shown.filter(isTyped), refused = 0, work = Promise.resolve();
		if (!typed.length) {
			bb.say(bb.text('settings_same'));
			return;
		}
		typed.forEach(function (one) {
			work = work.then(function () {
				bb.fill(one.answer, []);
				return bb.ask('setting', {name: one.field.name, value: one.input.value.trim()});
			}).then(function () {
				one.saved = one.field.secret ? '' : one.input.value.trim();
				if (one.field.secret) {
					one.input.value = '';
					bb.byId(one.input.getAttribute('aria-describedby')).textContent = bb.text('set_key_help', bb.text('key_new'));
				}
			}, function (failure) {
				refused += 1;
				bb.fill(one.answer, bb.alert('danger', bb.wrong(failure)));
				if (refused === 1) {
					open(one.input);
				}
			});
		});
		bb.busy(button, work).then(function () {
			if (refused) {
				bb.say(bb.text('settings_refused', refused), 'error');
			} else {
				bb.say(bb.text('settings_saved'));
			}
			bb.changed(settings);
			if (none) {
				show(true);
			}
		}, bb.quiet);
	}

	/** Shows a field that may be folded away. */
	function open(input) {
		var folded = input.closest('details');
		if (folded) {
			folded.open = true;
		}
		input.focus();
	}

	/** Tests the typed key or, without one, the saved key. */
	function testKey(button, field, input, answer) {
		bb.fill(answer, bb.waiting(bb.text('key_testing')));
		bb.busy(button, bb.ask('key_test', {name: field.feed, key: input.value.trim()})).then(function (done) {
			var bad = done.data && done.data.key_good === false;
			bb.fill(answer, bb.alert(bad ? 'danger' : 'success', bb.text(bad ? 'key_bad' : 'key_good')));
		}, function (failure) {
			bb.fill(answer, bb.alert('danger', bb.wrong(failure)));
		});
	}

	/** Shows the saved settings. Text that somebody is typing is kept. */
	function show(again) {
		var box = bb.byId('bb-settings');
		bar();
		bb.ask('settings').then(function (answer) {
			none = false;
			if (again === true || !shown.some(isTyped) && !box.contains(document.activeElement)) {
				shown = [];
				var all = fields(answer.data);
				bb.fill(box, all.first.map(row).concat(bb.make('details', {}, [
					bb.make('summary', {}, bb.text('advanced'))
				].concat(all.advanced.map(row)))));
				if (again === true) {
					bb.byId('bb-tab-settings').focus();
				}
			}
		}, function (failure) {
			none = true;
			// If there is no configuration yet, saving the API key of apiban creates it.
			shown = [];
			var key = fields({feed: [{name: 'apiban', kind: 'apiban', key: null}]}).first.filter(function (field) {
				return field.secret;
			});
			bb.fill(box, [bb.failed(failure, show)].concat(bb.mayChange ? key.map(row) : []));
		});
	}

	/** FreePBX's action bar holds the one button that saves; where there is no bar, it stands below the settings. */
	function bar() {
		var bars = document.getElementById('action-bar');
		if (bars && bb.byId('bb-save')) {
			bars.style.display = bb.shown(SETTINGS) ? '' : 'none';
		}
	}

	var settings = {
		panel: SETTINGS,
		start: function () {
			var button = bb.byId('bb-save');
			if (bb.mayChange && !button) {
				button = bb.make('button', {type: 'button', 'class': 'btn btn-default', id: 'bb-save'}, bb.text('save'));
				bb.byId('bb-settings-save').appendChild(button);
			}
			if (button) {
				button.addEventListener('click', function () {
					save(button);
				});
			}
			bar();
			document.querySelectorAll('#banbridge [role="tab"]').forEach(function (tab) {
				tab.addEventListener('click', function () {
					window.setTimeout(bar, 0);
				});
				tab.addEventListener('keydown', function () {
					window.setTimeout(bar, 0);
				});
			});
		},
		show: show
	};
	bb.parts.push(settings);

	// ---- Log ----

	/** Levels from the worst to the least. */
	var LEVELS = ['error', 'warn', 'info', 'debug'];
	var lines = [];

	function log() {
		var box = bb.byId('bb-log');
		return bb.ask('log', {lines: bb.byId('bb-log-lines').value}).then(function (answer) {
			lines = answer.data.lines || [];
			bb.byId('bb-log-file').textContent = answer.data.file || '';
			chosen();
		}, function (failure) {
			bb.fill(box, bb.failed(failure, log));
		});
	}

	/** The lines of the level and with the text that were chosen. Addresses that one run blocked are folded. */
	function chosen() {
		var box = bb.byId('bb-log'), level = bb.byId('bb-log-level').value, search = bb.byId('bb-log-search').value.trim().toLowerCase();
		var worst = level ? LEVELS.indexOf(level) : LEVELS.length;
		var some = lines.filter(function (line) {
			var at = LEVELS.indexOf(String(line.level || '').toLowerCase());
			return (at <= worst && (at >= 0 || !level)) && (!search || String(line.text || '').toLowerCase().indexOf(search) >= 0);
		});
		bb.fill(box, some.length ? folded(some, !search) : bb.text('log_empty'));
		box.scrollTop = box.scrollHeight;
	}

	function folded(some, fold) {
		var out = [], group = [];
		function close() {
			if (group.length > 3 && fold) {
				out.push(bb.make('details', {}, [bb.make('summary', {}, bb.text('log_blocked', bb.number(group.length)))].concat(group.map(one))));
			} else {
				out = out.concat(group.map(one));
			}
			group = [];
		}
		some.forEach(function (line) {
			if (/^(blocked|expired:) /.test(line.text || '')) {
				group.push(line);
			} else {
				close();
				out.push(one(line));
			}
		});
		close();
		return out;
	}

	function one(line) {
		var level = String(line.level || '').toLowerCase();
		return bb.make('div', {'class': 'bb-log-line bb-log-' + (LEVELS.indexOf(level) >= 0 ? level : 'info')}, [
			line.at ? bb.time(line.at) + ' ' : '', line.level ? bb.make('b', {}, line.level) : null, ' ', line.text || ''
		]);
	}

	bb.parts.push({
		panel: LOG,
		start: function () {
			bb.byId('bb-log-refresh').addEventListener('click', function () {
				bb.busy(this, log());
			});
			bb.byId('bb-log-lines').addEventListener('change', log);
			bb.byId('bb-log-level').addEventListener('change', chosen);
			bb.byId('bb-log-search').addEventListener('input', chosen);
		},
		show: log,
		refresh: function () {
			if (bb.shown(LOG)) {
				log();
			}
		}
	});
}(window.Banbridge));
