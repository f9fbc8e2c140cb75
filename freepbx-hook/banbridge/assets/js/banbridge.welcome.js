// The first visit: a key, a first run, and then the overview.
window.Banbridge = window.Banbridge || {};
(function (bb) {
	'use strict';

	/** Whether the card is shown; whether its run was started. */
	var open = false, started = false;

	function show(on) {
		open = on;
		bb.byId('bb-welcome').hidden = !on;
		bb.byId('bb-all').hidden = on && !started;
	}

	function answer(content) {
		bb.fill(bb.byId('bb-welcome-answer'), content);
	}

	function test(button) {
		answer(bb.waiting(bb.text('key_testing')));
		return bb.busy(button, bb.ask('key_test', {name: 'apiban', key: bb.byId('bb-welcome-field').value.trim()})).then(function (done) {
			var bad = done.data && done.data.key_good === false;
			answer(bb.alert(bad ? 'warning' : 'success', bb.text(bad ? 'key_bad' : 'key_good')));
		}, function (failure) {
			answer(bb.alert('warning', bb.wrong(failure)));
		});
	}

	/** Saves the key where there is none yet, and starts the first run. */
	function start(button) {
		var key = bb.byId('bb-welcome-field').value.trim();
		if (!bb.configured && key === '') {
			answer(bb.alert('warning', bb.text('welcome_no_key')));
			bb.byId('bb-welcome-field').focus();
			return;
		}
		var saved = bb.configured && key === '' ? Promise.resolve() : bb.ask('setting', {name: 'feed.apiban.key', value: key});
		bb.busy(button, saved).then(function () {
			bb.configured = started = true;
			answer(bb.waiting(bb.text('welcome_works')));
			bb.byId('bb-all').hidden = false;
			bb.run();
		}, function (failure) {
			answer(bb.alert('warning', bb.wrong(failure)));
		});
	}

	bb.parts.push({
		start: function () {
			show(!bb.configured);
			if (bb.mayChange) {
				bb.byId('bb-welcome-test').addEventListener('click', function () {
					test(this);
				});
				bb.byId('bb-welcome-start').addEventListener('click', function () {
					start(this);
				});
			}
		},
		status: function (status) {
			var fresh = status.state === 'no_run' && !status.running;
			if (open || fresh) {
				show(fresh || !bb.configured);
			}
			if (bb.mayChange && bb.configured) {
				bb.byId('bb-welcome-key').hidden = true;
			}
		}
	});
}(window.Banbridge));
