// The settings and the log.
window.Banbridge = window.Banbridge || {};
(function (bb) {
	'use strict';

	var SETTINGS = 'bb-panel-settings', LOG = 'bb-panel-log';
	/** Whether a field has unsaved text; whether there is no configuration to show. */
	var typed = false, none = false;

	// ---- Settings ----

	/** The fields: name, label, value and, unless it is free text, the choices. */
	function fields(config) {
		var list = config.blacklist || {}, all = [];
		(config.feed || []).forEach(function (feed) {
			var name = 'feed.' + feed.name;
			if (feed.key !== undefined) {
				all.push({name: name + '.key', label: bb.text('set_key', feed.name), secret: true, value: feed.key, feed: feed.name, kind: feed.kind});
			}
			if (feed.dataset !== undefined) {
				all.push({name: name + '.dataset', label: bb.text('set_dataset', feed.name), value: feed.dataset, choice: ['sip', 'http', 'all']});
			}
			all.push({name: name + '.ttl', label: bb.text('set_ttl', feed.name), value: feed.ttl, help: bb.text('set_ttl_help')});
			all.push({name: name + '.interval', label: bb.text('set_interval', feed.name), value: feed.interval, help: bb.text('set_duration_help')});
		});
		all.push({name: 'blacklist.limit', label: bb.text('set_limit'), value: list.limit, help: bb.text('set_limit_help')});
		all.push({name: 'blacklist.aggregate', label: bb.text('set_aggregate'), value: list.aggregate === false ? 'false' : 'true', choice: ['true', 'false']});
		all.push({name: 'set.enabled', label: bb.text('set_set'), value: (config.set || {}).enabled, choice: ['auto', 'yes', 'no'], help: bb.text('set_set_help')});
		all.push({name: 'protect.unblock', label: bb.text('set_unblock'), value: (config.protect || {}).unblock, help: bb.text('set_duration_help')});
		all.push({name: 'log.level', label: bb.text('set_level'), value: (config.log || {}).level, choice: ['error', 'warn', 'info', 'debug']});
		return all.filter(function (field) {
			return field.secret || (field.value !== undefined && field.value !== null);
		});
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
		var buttons = [];
		if (bb.mayChange) {
			buttons.push(bb.make('button', {type: 'submit', 'class': 'btn btn-default', 'aria-label': bb.text('save') + ': ' + field.label}, bb.text('save')));
		}
		// Other kinds of feeds are tested on their card, with the saved key.
		if (field.kind === 'apiban' && bb.mayChange) {
			buttons.push(bb.button(bb.text('key_test'), 'btn-default', function (button) {
				testKey(button, field, input, answer);
			}));
		}
		var answer = bb.make('div', {role: 'status', 'class': 'bb-setting-answer'});
		var hint = field.secret ? bb.text('set_key_help', value && value !== 'missing' ? value : bb.text('key_none')) : field.help;
		var form = bb.make('form', {'class': 'bb-setting', 'data-bb-setting': field.name}, [
			bb.make('label', {'for': id}, field.label),
			bb.make('div', {'class': 'bb-setting-field'}, [input].concat(buttons)),
			hint ? bb.make('p', {id: help, 'class': 'bb-small'}, hint) : null,
			answer
		]);
		form.addEventListener('submit', function (event) {
			event.preventDefault();
			save(form.querySelector('[type="submit"]'), field, input, answer);
		});
		return form;
	}

	function save(button, field, input, answer) {
		bb.fill(answer, []);
		bb.busy(button, bb.ask('setting', {name: field.name, value: input.value.trim()})).then(function (done) {
			typed = false;
			bb.say(bb.text(done.data && done.data.changed === false ? 'setting_same' : 'setting_saved', field.label));
			bb.changed();
			if (none) {
				show(true);
			} else if (field.secret) {
				input.value = '';
				bb.byId(input.getAttribute('aria-describedby')).textContent = bb.text('set_key_help', bb.text('key_new'));
			}
		}, function (failure) {
			bb.fill(answer, bb.alert('danger', failure.message));
		});
	}

	/** Tests the typed key or, without one, the saved key. */
	function testKey(button, field, input, answer) {
		bb.fill(answer, bb.waiting(bb.text('key_testing')));
		bb.busy(button, bb.ask('key_test', {name: field.feed, key: input.value.trim()})).then(function (done) {
			var bad = done.data && done.data.key_good === false;
			bb.fill(answer, bb.alert(bad ? 'danger' : 'success', bb.text(bad ? 'key_bad' : 'key_good')));
		}, function (failure) {
			bb.fill(answer, bb.alert('danger', failure.message));
		});
	}

	/** Shows the saved settings. Text that somebody is typing is kept. */
	function show(again) {
		var box = bb.byId('bb-settings');
		bb.ask('settings').then(function (answer) {
			none = false;
			if (again === true || !typed && !box.contains(document.activeElement)) {
				bb.fill(box, fields(answer.data).map(row));
				if (again === true) {
					bb.byId('bb-tab-settings').focus();
				}
			}
		}, function (failure) {
			none = true;
			// If there is no configuration yet, saving the API key of apiban creates it.
			var first = {feed: [{name: 'apiban', kind: 'apiban', key: null}]};
			var key = fields(first).filter(function (field) {
				return field.secret;
			});
			bb.fill(box, [bb.alert('danger', failure.message)].concat(bb.mayChange ? key.map(row) : []));
		});
	}

	bb.parts.push({
		panel: SETTINGS,
		start: function () {
			bb.byId('bb-settings').addEventListener('input', function () {
				typed = true;
			});
		},
		show: show
	});

	// ---- Log ----

	function log() {
		var box = bb.byId('bb-log'), lines = bb.byId('bb-log-lines').value;
		return bb.ask('log', {lines: lines}).then(function (answer) {
			var all = answer.data.lines || [];
			bb.byId('bb-log-file').textContent = answer.data.file || '';
			bb.fill(box, all.length ? all.map(function (line) {
				var level = String(line.level || '').toLowerCase();
				var known = ['error', 'warn', 'info', 'debug'].indexOf(level) >= 0 ? level : 'info';
				return bb.make('div', {'class': 'bb-log-line bb-log-' + known}, [
					line.at ? bb.time(line.at) + ' ' : '', line.level ? bb.make('b', {}, line.level) : null, ' ', line.text || ''
				]);
			}) : bb.text('log_empty'));
			box.scrollTop = box.scrollHeight;
		}, function (failure) {
			bb.fill(box, bb.alert('danger', failure.message));
		});
	}

	bb.parts.push({
		panel: LOG,
		start: function () {
			bb.byId('bb-log-refresh').addEventListener('click', function () {
				bb.busy(this, log());
			});
			bb.byId('bb-log-lines').addEventListener('change', log);
		},
		show: log,
		refresh: function () {
			if (bb.shown(LOG)) {
				log();
			}
		}
	});
}(window.Banbridge));
