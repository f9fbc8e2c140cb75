// The feeds: enabled or disabled, their state, the preview of a feed before it is enabled, and the catalog.
window.Banbridge = window.Banbridge || {};
(function (bb) {
	'use strict';

	/** A new version that lost so much that somebody must accept it. */
	var ACCEPT = /--accept/;
	/** What each feed contributes, by its name. */
	var share = {};
	var shown = [];

	/** What a feed alone contributes: asked for once its state is shown, for it takes longer. */
	function contributions() {
		bb.ask('overlap').then(function (answer) {
			share = {};
			answer.data.forEach(function (feed) {
				share[feed.feed] = feed;
			});
			show(shown);
		}, bb.quiet);
	}

	function show(feeds) {
		var list = bb.byId('bb-feeds');
		shown = feeds;
		var focused = document.activeElement && document.activeElement.getAttribute('data-bb-feed');
		bb.fill(list, feeds.length ? feeds.map(card) : bb.make('li', {'class': 'bb-card'}, bb.text('feeds_none')));
		if (focused) {
			// The list is built again, and one of its switches may have the focus.
			Array.prototype.forEach.call(list.querySelectorAll('[data-bb-feed]'), function (control) {
				if (control.getAttribute('data-bb-feed') === focused) {
					control.focus();
				}
			});
		}
	}

	/** The state of a feed, as a color and a text. */
	function health(feed) {
		if (!feed.enabled) {
			return ['neutral', bb.text('feed_state_disabled')];
		}
		if (feed.held) {
			return ['warning', bb.text('feed_state_held')];
		}
		if (feed.last_error) {
			return [feed.out_of_date ? 'error' : 'warning', bb.text('feed_state_failed')];
		}
		if (feed.out_of_date) {
			return ['warning', bb.text('feed_state_out_of_date')];
		}
		return feed.last_success ? ['ok', bb.text('feed_state_ok')] : ['neutral', bb.text('feed_state_loading')];
	}

	function card(feed) {
		var state = health(feed);
		var head = [bb.make('h3', {'class': 'bb-card-title'}, feed.name), bb.make('span', {'class': 'bb-badge bb-badge-' + state[0]}, state[1])];
		var actions = [];
		if (bb.mayChange) {
			actions.push(toggle(feed));
			if (!feed.permit) {
				actions.push(test(feed));
			}
			if (feed.held || ACCEPT.test(feed.last_error || '')) {
				actions.push(action('feed_review', feed, review));
			}
			if (feed.kind === 'list') {
				actions.push(action('feed_login', feed, login));
			}
			actions.push(action('feed_remove', feed, remove));
		}
		return bb.make('li', {'class': 'bb-card', 'data-bb-name': feed.name}, [
			bb.make('div', {'class': 'bb-card-head'}, head),
			bb.facts([
				[bb.text('feed_entries'), bb.number(feed.entries)],
				[bb.text('feed_alone'), share[feed.name] ? bb.number(share[feed.name].alone) : null],
				[bb.text('feed_packets'), share[feed.name] ? bb.text('feed_packets_of', bb.number(share[feed.name].blocked_packets),
					bb.number(share[feed.name].alone_packets)) : null],
				[bb.text('feed_last_success'), feed.last_success ? bb.when(feed.last_success) : bb.text('never')],
				[bb.text('feed_last_error'), feed.last_error && bb.make('details', {}, [bb.make('summary', {}, bb.text('feed_failed')), ACCEPT.test(feed.last_error) ? bb.text('feed_collapsed') : bb.plain(feed.last_error)])],
				[bb.text('feed_retry_at'), feed.retry_at ? bb.when(feed.retry_at) : null],
				[bb.text('feed_held_entries'), feed.held ? bb.number(feed.held) : null]
			]),
			bb.make('div', {'class': 'bb-buttons'}, actions)
		]);
	}

	/** Disabling a feed takes effect at once. Enabling it shows a preview first. */
	function toggle(feed) {
		var button = bb.make('button', {
			type: 'button', role: 'switch', 'aria-checked': feed.enabled ? 'true' : 'false', 'class': 'bb-switch',
			'data-bb-feed': feed.name
		}, [bb.make('span', {'class': 'bb-switch-knob', 'aria-hidden': 'true'}), bb.text('feed_switch', feed.name)]);
		button.addEventListener('click', function () {
			if (feed.permit && !feed.enabled) {
				bb.change(button, 'feed_enable', {name: feed.name}, bb.text('feed_enabled', feed.name)).catch(bb.quiet);
			} else if (feed.enabled) {
				bb.change(button, 'feed_disable', {name: feed.name}, bb.text('feed_disabled', feed.name)).catch(bb.quiet);
			} else {
				preview(feed.name, bb.text('feed_enable'), 'feed_enable', bb.text('feed_enabled', feed.name));
			}
		});
		return button;
	}

	function test(feed) {
		var button = bb.button(bb.text('feed_test'), 'btn-default btn-sm', function () {
			preview(feed.name);
		}, feed.name);
		button.setAttribute('data-bb-feed', feed.name + ' test');
		return button;
	}

	/** A button of a feed, which gets the focus back when the list was built again. */
	function action(name, feed, open) {
		var button = bb.button(bb.text(name), 'btn-default btn-sm', function () {
			open(feed.name);
		}, feed.name);
		button.setAttribute('data-bb-feed', feed.name + ' ' + name);
		return button;
	}

	function remove(name) {
		var dialog = bb.dialog(bb.text('feed_remove_title', name), bb.make('p', {}, bb.text('feed_remove_words')));
		dialog.action(bb.text('feed_remove'), 'btn-danger', function (button) {
			bb.change(button, 'feed_remove', {name: name}, bb.text('feed_removed', name)).then(dialog.close, bb.quiet);
		});
	}

	/** The review of a version that is held, for others. */
	bb.review = review;

	/** A version that is held: what it would change, and then the decision. */
	function review(name) {
		var dialog = bb.dialog(bb.text('review_title', name), bb.waiting(bb.text('review_works')));
		bb.ask('feed_review', {name: name}).then(function (answer) {
			var rows = answer.data.blacklist || {};
			dialog.fill([
				bb.make('p', {}, bb.text('review_words')),
				bb.make('p', {}, bb.text('preview_nothing_changed')),
				bb.facts([
					[bb.text('review_added'), bb.number(rows.added)],
					[bb.text('review_removed'), bb.number(rows.removed)]
				])
			]);
			if (!dialog.closed()) {
				dialog.action(bb.text('review_accept'), 'btn-primary', function (button) {
					bb.change(button, 'feed_accept', {name: name}, bb.text('review_accepted', name)).then(dialog.close, bb.quiet);
				});
			}
		}, function (failure) {
			dialog.fill(bb.alert('danger', bb.wrong(failure)));
		});
	}

	function login(name) {
		var ways = ['user', 'header', 'none'].map(function (way) {
			return [way, bb.text('login_' + way)];
		});
		var dialog = bb.dialog(bb.text('login_title', name), [
			bb.make('p', {}, bb.text('login_words')),
			bb.field('bb-login-way', bb.text('login_way'), {}, null, ways),
			bb.field('bb-login-who', bb.text('login_who'), {maxlength: 200}),
			bb.field('bb-login-secret', bb.text('login_secret'), {type: 'password', autocomplete: 'new-password', maxlength: 500})
		]);
		var way = bb.byId('bb-login-way'), who = bb.byId('bb-login-who'), secret = bb.byId('bb-login-secret');
		way.addEventListener('change', function () {
			who.disabled = secret.disabled = way.value === 'none';
		});
		dialog.action(bb.text('login_save'), 'btn-primary', function (button) {
			var fields = {name: name, way: way.value, who: who.value, secret: secret.value};
			bb.change(button, 'feed_login', fields, bb.text('login_saved', name)).then(dialog.close, bb.quiet);
		});
	}

	/** A list of the administrator's own: it is previewed before it can be added. */
	function own() {
		var formats = [['', bb.text('own_recognized')]].concat(['text', 'ranges', 'dshield', 'jsonl', 'json'].map(function (format) {
			return [format, format];
		}));
		var result = bb.make('div', {'aria-live': 'polite'});
		var dialog = bb.dialog(bb.text('own_title'), [
			bb.make('p', {}, bb.text('own_words')),
			bb.field('bb-own-name', bb.text('own_name'), {maxlength: 64}, bb.text('own_name_help')),
			bb.field('bb-own-url', bb.text('own_url'), {maxlength: 1000}, bb.text('own_url_help')),
			bb.make('details', {}, [
				bb.make('summary', {}, bb.text('own_more')),
				bb.field('bb-own-format', bb.text('own_format'), {}, null, formats),
				bb.field('bb-own-column', bb.text('own_column'), {maxlength: 100}, bb.text('own_column_help')),
				bb.field('bb-own-field', bb.text('own_field'), {maxlength: 500}, bb.text('own_field_help'))
			]),
			result
		]);
		function fields() {
			return ['name', 'url', 'format', 'column', 'field'].reduce(function (all, name) {
				all[name] = bb.byId('bb-own-' + name).value.trim();
				return all;
			}, {});
		}
		var add = dialog.action(bb.text('feed_add'), 'btn-primary', function (button) {
			var list = fields();
			bb.change(button, 'feed_add_own', list, bb.text('feed_added', list.name)).then(dialog.close, bb.quiet);
		});
		add.disabled = true;
		dialog.action(bb.text('own_preview'), 'btn-default', function (button) {
			add.disabled = true;
			bb.fill(result, bb.waiting(bb.text('feed_preview_works')));
			bb.busy(button, bb.ask('feed_test_own', fields())).then(function (answer) {
				bb.fill(result, tested(answer.data, answer.message));
				add.disabled = false;
				result.scrollIntoView({block: 'nearest'});
			}, function (failure) {
				bb.fill(result, bb.alert('danger', bb.wrong(failure)));
				bb.byId('bb-dialog-body').querySelector('details').open = true;
			});
		});
		bb.byId('bb-dialog-body').addEventListener('input', function () {
			add.disabled = true;
		});
	}

	/** Fetches the feed, shows the result that it would have, and offers the command if there is one. */
	function preview(name, label, command, message) {
		var dialog = bb.dialog(bb.text('feed_preview_title', name), bb.waiting(bb.text('feed_preview_works')));
		function offer() {
			if (command && !dialog.closed()) {
				dialog.action(label, 'btn-primary', function (button) {
					bb.change(button, command, {name: name}, message).then(dialog.close, bb.quiet);
				});
			}
		}
		bb.ask('feed_test', {name: name}).then(function (answer) {
			dialog.fill(tested(answer.data, answer.message));
			offer();
		}, function (failure) {
			dialog.fill([bb.alert('danger', bb.wrong(failure)), command ? bb.make('p', {}, bb.text('feed_anyway')) : null]);
			offer();
		});
	}

	function tested(data, warning) {
		var skipped = data.skipped || {};
		var content = [
			bb.make('p', {}, bb.text('preview_nothing_changed')),
			bb.facts([
				[bb.text('test_key'), typeof data.key_good === 'boolean' ? bb.text(data.key_good ? 'key_good' : 'key_bad') : null],
				[bb.text('test_fetched'), bb.number(data.fetched)],
				[bb.text('test_used'), bb.number(data.used)],
				[bb.text('test_new'), bb.number(data.new)],
				[bb.text('protected'), bb.number(data.protected)],
				[bb.text('test_rows'), typeof data.rows === 'number' ? bb.text('from_to', bb.number(data.rows_before), bb.number(data.rows)) : null],
				[bb.text('test_limit'), typeof data.limit === 'number' ? bb.number(data.limit) : null],
				[bb.text('over_limit'), typeof data.over_limit === 'number' ? bb.text('from_to', bb.number(data.over_limit_before), bb.number(data.over_limit)) : null]
			])
		];
		if ((data.protected_examples || []).length) {
			content.push(bb.alert('warning', [bb.make('p', {}, bb.text('test_protected')), bb.bullets(data.protected_examples)]));
		}
		var reasons = Object.keys(skipped).map(function (reason) {
			return reason + ': ' + bb.number(skipped[reason]);
		});
		if (reasons.length) {
			content.push(bb.make('p', {}, bb.text('test_skipped')), bb.bullets(reasons, 20));
		}
		if ((data.examples || []).length) {
			content.push(bb.make('p', {}, bb.text('test_examples')), bb.bullets(data.examples, 10));
		}
		if (warning) {
			content.push(bb.alert('warning', bb.plain(warning)));
		}
		return content;
	}

	// ---- The catalog ----

	function catalog() {
		var dialog = bb.dialog(bb.text('catalog_title'), bb.waiting(bb.text('loading')));
		bb.ask('catalog').then(function (answer) {
			var there = (bb.status && bb.status.feeds || []).map(function (feed) {
				return feed.name;
			});
			var items = answer.data.map(function (known) {
				return offered(known, there.indexOf(known.name) >= 0, dialog);
			});
			dialog.fill([bb.make('p', {}, bb.text('catalog_words')), bb.make('ul', {'class': 'bb-cards'}, items)]);
		}, function (failure) {
			dialog.fill(bb.alert('danger', bb.wrong(failure)));
		});
	}

	function offered(known, there, dialog) {
		var country = /-CC$/.test(known.name), field = null, id = 'bb-country-' + known.name;
		var children = [
			bb.make('h3', {'class': 'bb-card-title'}, known.name),
			bb.facts([
				[bb.text('known_good_for'), known.good_for],
				[bb.text('known_terms'), known.terms],
				[bb.text('known_beware'), known.beware],
				[bb.text('known_size'), known.size],
				[bb.text('known_url'), known.url || null]
			])
		];
		if (country) {
			field = bb.make('input', {type: 'text', id: id, 'class': 'form-control bb-short', maxlength: '2', autocomplete: 'off'});
			children.push(bb.make('p', {}, [bb.make('label', {'for': id}, bb.text('known_country')), ' ', field]));
		}
		if (there) {
			children.push(bb.make('p', {'class': 'bb-small'}, bb.text('known_there')));
		} else {
			var button = bb.button(bb.text(known.url ? 'known_add' : 'feed_add'), 'btn-default btn-sm', function () {
				var name = known.name;
				if (!known.url) {
					// It is on this PBX: there is nothing to fetch beforehand.
					bb.change(button, 'feed_add', {name: name}, bb.text('feed_added', name)).then(dialog.close, bb.quiet);
					return;
				}
				if (country) {
					if (!/^[a-z]{2}$/i.test(field.value.trim())) {
						bb.say(bb.text('known_country_wrong'), 'error');
						field.focus();
						return;
					}
					name = name.replace(/CC$/, field.value.trim().toLowerCase());
				}
				dialog.close();
				window.jQuery('#bb-dialog').one('hidden.bs.modal', function () {
					preview(name, bb.text('feed_add'), 'feed_add', bb.text('feed_added', name));
				});
			}, known.name);
			children.push(button);
		}
		return bb.make('li', {'class': 'bb-card'}, children);
	}

	bb.parts.push({
		panel: 'bb-panel-overview',
		start: function () {
			if (bb.mayChange) {
				bb.byId('bb-catalog').addEventListener('click', catalog);
				bb.byId('bb-own').addEventListener('click', own);
			}
			contributions();
		},
		status: function (status) {
			show(status.feeds || []);
		},
		refresh: contributions,
		show: contributions
	});
}(window.Banbridge));
