// The lists: blocked addresses, protected addresses, and the check of one address.
window.Banbridge = window.Banbridge || {};
(function (bb, $) {
	'use strict';

	/** Below this width each table row is a card. */
	var NARROW = '(max-width: 700px)';

	// ---- A table; paging, search and order are the server's work ----

	function table(id, command, columns, panel, extra, sorted) {
		var $table = $('#' + id), made = false, narrow = window.matchMedia(NARROW);
		/** The last good answer, and what went wrong since. */
		var good = {total: 0, rows: []}, wrong = null;

		function load(request) {
			bb.ask(command, $.extend({}, request.data, extra ? extra() : {})).then(function (answer) {
				good = {total: answer.data.total, rows: answer.data.rows};
				complain(null);
				request.success(good);
			}, function (failure) {
				// What was shown stays: an empty table would say that there is nothing.
				complain(failure);
				request.success(good);
			});
		}

		function complain(failure) {
			var $region = $table.closest('[data-bb-region]');
			if (wrong) {
				wrong.parentNode.removeChild(wrong);
			}
			wrong = failure && bb.failed(failure, function () {
				$table.bootstrapTable('refresh');
			});
			if (wrong) {
				$region[0].insertBefore(wrong, $region[0].firstChild);
			}
		}

		function make() {
			made = true;
			$table.bootstrapTable($.extend({
				ajax: load,
				url: command,
				method: 'get',
				sidePagination: 'server',
				pagination: true,
				search: true,
				searchTimeOut: 400,
				pageSize: 25,
				pageList: [10, 25, 50, 100],
				queryParamsType: 'limit',
				queryParams: function (asked) {
					return {
						offset: asked.offset || 0, limit: asked.limit || 25, search: asked.search || '',
						sort: asked.sort || '', order: asked.order || 'asc'
					};
				},
				cardView: narrow.matches,
				columns: columns,
				formatNoMatches: function () {
					return wrong ? '–' : bb.escape(bb.text('list_empty'));
				}
			}, sorted || {}));
			// The library listens to keys only. Text that is pasted with the mouse counts too.
			$table.closest('.bootstrap-table').find('.search input').attr('aria-label', bb.text('search')).on('input', function () {
				this.dispatchEvent(new Event('keyup', {bubbles: true}));
			});
		}

		return {
			panel: panel,
			start: function () {
				$table.on('click', 'button[data-bb-action]', function () {
					act(this);
				});
				narrow.addEventListener('change', function () {
					if (made && $table.bootstrapTable('getOptions').cardView !== narrow.matches) {
						$table.bootstrapTable('toggleView');
					}
				});
				if (bb.shown(panel)) {
					make();
				}
			},
			show: function () {
				if (!made) {
					make();
				}
			},
			refresh: function () {
				if (made && bb.shown(panel)) {
					$table.bootstrapTable('refresh', {silent: true});
				} else if (made) {
					$table.bootstrapTable('destroy');
					made = false;
				}
			}
		};
	}

	// The library takes the cells as HTML, so each piece of text is escaped.
	function text(value) {
		return value === null || value === undefined || value === '' ? '–' : bb.escape(value);
	}

	function time(value) {
		return bb.escape(bb.time(value));
	}

	function action(name, label, target) {
		return '<button type="button" class="btn btn-default btn-sm" data-bb-action="' + name + '" data-bb-target="' + bb.escape(target) +
			'" aria-label="' + bb.escape(label + ' ' + target) + '">' + bb.escape(label) + '</button>';
	}

	/** What became of a change of the allow list: it may not be in effect yet. */
	function saidAllowed(name, data, target) {
		if (name === 'allow' && data && data.addresses && !data.addresses.length) {
			return bb.text('said_allow_unknown', target);
		}
		return bb.text(data && data.blacklist ? 'said_' + name : 'said_later', target);
	}

	/** Runs allow, unallow, unblock or unblock_undo, from a button of a table row or of the check. */
	function act(button) {
		var name = button.getAttribute('data-bb-action'), target = button.getAttribute('data-bb-target');
		var region = $(button).closest('[data-bb-region]')[0];
		return bb.change(button, name, {target: target}, function (data) {
			return /allow$/.test(name) ? saidAllowed(name, data, target) : bb.text('said_' + name, target, data && data.until ? bb.time(data.until) : '');
		}).then(function () {
			// The table row disappears, and the focus must not be lost with it.
			if (region) {
				region.focus();
			}
		}, bb.quiet);
	}

	/** Puts an address on the allow list. */
	bb.allow = function (button, target) {
		return bb.change(button, 'allow', {target: target}, function (data) {
			return saidAllowed('allow', data, target);
		});
	};

	function column(field, title, formatter, sortable) {
		return {field: field, title: bb.escape(bb.text(title)), formatter: formatter, sortable: !!sortable};
	}

	// ---- Blocked addresses ----

	/** Whether this is a row of yours itself, and not a feed's entry that a row of yours blocks. */
	function isYours(row) {
		return row.state === 'your_row' && !row.feed;
	}

	/** Why it is blocked, or why not. */
	function reason(row) {
		if (isYours(row)) {
			return '<span class="bb-badge bb-badge-own">' + bb.escape(bb.text('row_yours')) + '</span>';
		}
		if (row.state === 'your_row') {
			return bb.escape(bb.text('by_your_row'));
		}
		if (row.row || row.set === true) {
			return bb.escape(bb.text('blocked'));
		}
		var why = row.state === 'protected' ? bb.text('is_protected', row.reason || '') : bb.text('why_' + row.state);
		return '<strong>' + bb.escape(bb.text('not_blocked')) + '</strong> ' + bb.escape(why);
	}

	function entries() {
		var columns = [
			column('address', 'col_address', text, true),
			column('feed', 'col_feed', function (value, row) {
				return isYours(row) ? bb.escape(bb.text('you')) : text(value);
			}, true),
			column('first_seen', 'col_since', time, true),
			column('expires_at', 'col_until', function (value, row) {
				return value ? time(value) : bb.escape(isYours(row) ? '–' : bb.text('until_list'));
			}, true),
			column('blocked_packets', 'col_packets', function (value) {
				return bb.escape(bb.number(value));
			}, true),
			column('state', 'col_state', function (value, row) {
				return reason(row);
			})
		];
		if (bb.mayChange) {
			columns.push(column('actions', 'col_actions', function (value, row) {
				return isYours(row) ? '–' :
					action('allow', bb.text('allow'), row.address) + ' ' + action('unblock', bb.text('unblock'), row.address);
			}));
		}
		return columns;
	}

	function rejected() {
		var columns = [
			column('address', 'col_address', text, true),
			column('feeds', 'col_why', function (value, row) {
				return bb.escape(bb.why(row));
			}),
			column('last_blocked', 'col_last_packet', time, true),
			column('first_seen', 'col_first_packet', function (value, row) {
				return time(row.first_blocked);
			}, true),
			column('blocked_packets', 'col_packets', function (value) {
				return bb.escape(bb.number(value));
			}, true)
		];
		if (bb.mayChange) {
			columns.push(column('actions', 'col_actions', function (value, row) {
				return row.blocked ? action('allow', bb.text('allow'), row.address) : bb.escape(bb.text('not_any_more'));
			}));
		}
		return columns;
	}

	/** All of them as a file for a spreadsheet. A text that begins like a formula gets an apostrophe. */
	function exported(button) {
		bb.busy(button, bb.ask('rejected', {limit: '1000', sort: 'last_blocked', order: 'desc'})).then(function (answer) {
			var lines = [['address', 'feeds', 'first_packet', 'last_packet', 'packets']].concat(answer.data.rows.map(function (row) {
				return [row.address, row.feeds.join(' '), row.first_blocked, row.last_blocked, row.blocked_packets];
			}));
			var csv = lines.map(function (line) {
				return line.map(function (cell) {
					return '"' + String(cell).replace(/^([=+@-])/, "'$1").replace(/"/g, '""') + '"';
				}).join(',');
			}).join('\r\n') + '\r\n';
			var link = bb.make('a', {href: URL.createObjectURL(new Blob([csv], {type: 'text/csv'})), download: 'rejected.csv'});
			document.body.appendChild(link);
			link.click();
			document.body.removeChild(link);
		}, bb.quiet);
	}

	function filter(part) {
		var select = bb.byId('bb-entries-feed'), known = '';
		select.addEventListener('change', function () {
			$('#bb-entries').bootstrapTable('refresh', {pageNumber: 1});
		});
		part.status = function (status) {
			var names = (status.feeds || []).map(function (feed) {
				return feed.name;
			});
			if (names.join() === known) {
				return;
			}
			known = names.join();
			var chosen = select.value;
			bb.fill(select, [bb.make('option', {value: ''}, bb.text('all_feeds'))].concat(names.map(function (name) {
				return bb.make('option', {value: name}, name);
			})));
			select.value = names.indexOf(chosen) >= 0 ? chosen : '';
		};
		return part;
	}

	// ---- Is this address blocked? ----

	function check(event) {
		event.preventDefault();
		var address = bb.byId('bb-check-address').value.trim(), box = bb.byId('bb-check-answer');
		bb.fill(box, bb.waiting(bb.text('loading')));
		bb.ask('check', {address: address}).then(function (answer) {
			bb.fill(box, checked(answer.data));
		}, function (failure) {
			bb.fill(box, bb.alert('danger', bb.wrong(failure)));
		});
	}

	/** In one sentence, why it is blocked or not. */
	function whyChecked(data) {
		var names = (data.feeds || []).map(function (feed) {
			return feed.feed;
		}).join(', ');
		if (data.blocked) {
			return data.row_owner === 'you' ? bb.text('checked_your_row') : names ? bb.text('checked_listed', names) : bb.text('checked_blocked');
		}
		if ((data.also || []).length) {
			return bb.text('checked_others');
		}
		if ((data.protections || []).length) {
			return names ? bb.text('checked_protected', names) : bb.text('checked_protected_only');
		}
		if (data.outside && !names) {
			return bb.text('checked_outside');
		}
		return names ? bb.text('checked_not', names) : bb.text('checked_no_feed');
	}

	/** Who else blocks it on this PBX. */
	function others(data) {
		return (data.also || []).map(function (one) {
			if (one.by !== 'fail2ban') {
				return bb.text('check_rate_limiter');
			}
			return one.until ? bb.text('check_fail2ban', one.name, bb.time(one.until)) : bb.text('check_fail2ban_open', one.name);
		});
	}

	function checked(data) {
		var also = others(data), blocked = data.blocked || (data.also || []).length > 0;
		var feeds = (data.feeds || []).map(function (feed) {
			var until = feed.expires_at ? bb.time(feed.expires_at) : bb.text('until_list');
			return bb.text('check_feed', feed.feed, feed.address, bb.time(feed.first_seen), until);
		});
		var protections = (data.protections || []).map(function (one) {
			return bb.text('check_protection', one.address, one.label || one.source);
		});
		var content = [
			bb.make('p', {}, [
				bb.make('span', {'class': 'bb-badge bb-badge-' + (blocked ? 'error' : data.outside ? 'warning' : 'ok')}, bb.text(blocked ? 'is_blocked' : data.outside ? 'is_outside' : 'is_not_blocked')),
				' ', bb.make('strong', {}, data.address), ' – ', whyChecked(data)
			]),
			bb.facts([
				[bb.text('col_packets'), typeof data.blocked_packets === 'number' ? bb.number(data.blocked_packets) : null],
				[bb.text('check_feeds'), feeds.length ? bb.bullets(feeds) : bb.text('check_no_feed')],
				[bb.text('check_also'), also.length ? bb.bullets(also) : null],
				[bb.text('check_protections'), protections.length ? bb.bullets(protections) : null]
			])
		];
		if ((data.unknown || []).length) {
			content.push(bb.make('p', {'class': 'bb-small'}, bb.text('check_root_only')));
		}
		if (bb.mayChange && blocked && data.row_owner !== 'you') {
			content.push(bb.make('div', {'class': 'bb-buttons'}, ['allow', 'unblock'].map(function (name) {
				var button = bb.button(bb.text(name), 'btn-default', function () {
					act(button).then(function () {
						check({preventDefault: bb.quiet});
					});
				}, data.address);
				button.setAttribute('data-bb-action', name);
				button.setAttribute('data-bb-target', data.address);
				return button;
			})));
		}
		return content;
	}

	// ---- Protected addresses ----

	function allowed() {
		var columns = [
			column('target', 'col_target', text),
			column('comment', 'col_comment', text),
			column('since', 'col_since', time),
			column('addresses', 'col_addresses', function (value) {
				// A name that did not resolve protects nobody, and an empty cell would not say so.
				return value && value.length ? text(value.join(', ')) : bb.escape(bb.text('not_known_yet'));
			})
		];
		columns.push(column('actions', bb.mayChange ? 'col_actions' : 'col_where', function (value, row) {
			return row.in_configuration ? bb.escape(bb.text('in_configuration')) :
				bb.mayChange ? action('unallow', bb.text('remove'), row.target) : bb.escape(bb.text('by_command'));
		}));
		return columns;
	}

	function unblocked() {
		var columns = [column('address', 'col_address', text), column('since', 'col_since', time), column('until', 'col_until', time)];
		if (bb.mayChange) {
			columns.push(column('actions', 'col_actions', function (value, row) {
				return action('unblock_undo', bb.text('unblock_undo'), row.address);
			}));
		}
		return columns;
	}

	function skipped() {
		return [column('entry', 'col_entry', text), column('feed', 'col_feed', text), column('reason', 'col_reason', text)];
	}

	function allow(event) {
		event.preventDefault();
		var target = bb.byId('bb-allow-target'), comment = bb.byId('bb-allow-comment');
		bb.change(bb.byId('bb-allow-add'), 'allow', {target: target.value.trim(), comment: comment.value.trim()}, function (data) {
			return saidAllowed('allow', data, target.value.trim());
		}).then(function () {
			target.value = '';
			comment.value = '';
			target.focus();
		}, bb.quiet);
	}

	$(function () {
		if (!bb.byId('bb-given')) {
			return;
		}
		bb.byId('bb-check').addEventListener('submit', check);
		bb.byId('bb-rejected-export').addEventListener('click', function () {
			exported(this);
		});
		if (bb.mayChange) {
			bb.byId('bb-allow').addEventListener('submit', allow);
			bb.byId('bb-allow-mine').addEventListener('click', function () {
				bb.byId('bb-allow-target').value = bb.address;
				bb.byId('bb-allow-comment').value = bb.text('my_address_comment');
				bb.byId('bb-allow-add').focus();
			});
		}
	});

	/** A part that is made when the page starts: only then the texts of its columns are known. */
	function later(make) {
		var part = null;
		var outer = {
			start: function () {
				part = make();
				outer.panel = part.panel;
				outer.show = part.show;
				outer.refresh = part.refresh;
				outer.status = part.status;
				part.start();
			}
		};
		return outer;
	}

	bb.parts.push(later(function () {
		return filter(table('bb-entries', 'entries', entries(), 'bb-panel-blocked', function () {
			return {feed: bb.byId('bb-entries-feed').value};
		}, {sortName: 'blocked_packets', sortOrder: 'desc'}));
	}));
	bb.parts.push(later(function () {
		return table('bb-rejected', 'rejected', rejected(), 'bb-panel-rejected', null, {sortName: 'last_blocked', sortOrder: 'desc'});
	}));
	bb.parts.push(later(function () {
		return table('bb-allowed', 'allowed', allowed(), 'bb-panel-protected');
	}));
	bb.parts.push(later(function () {
		return table('bb-unblocked', 'unblocked', unblocked(), 'bb-panel-protected');
	}));
	bb.parts.push(later(function () {
		return table('bb-skipped', 'skipped', skipped(), 'bb-panel-protected');
	}));
}(window.Banbridge, window.jQuery));
