// The overview: who is knocking, and the rejected packets of a week.
window.Banbridge = window.Banbridge || {};
(function (bb) {
	'use strict';

	var SVG = 'http://www.w3.org/2000/svg';
	var HOUR = 3600000, SLOTS = 168;
	/** So many sources are shown. */
	var MOST = '10';

	// ---- Who is knocking ----

	/** Why a source is rejected: the feeds that list it, and for how long they have. */
	bb.why = function (source) {
		var feeds = source.feeds || [];
		if (!feeds.length) {
			return bb.text('why_no_feed');
		}
		var names = feeds.length > 2 ? bb.text('why_more', feeds[0], feeds.length - 1) : feeds.join(', ');
		return source.listed_since ? bb.text('why_since', names, bb.time(source.listed_since)) : names;
	};

	function knocking() {
		var box = bb.byId('bb-knocking');
		return bb.ask('rejected', {limit: MOST, sort: 'blocked_packets', order: 'desc'}).then(function (answer) {
			var rows = answer.data.rows || [];
			bb.fill(box, rows.length ? bb.make('ul', {'class': 'bb-sources'}, rows.map(source)) : bb.make('p', {}, bb.text('knocking_none')));
		}, function (failure) {
			// What was shown stays.
			var old = box.querySelector('.bb-alert');
			if (old) {
				box.removeChild(old);
			}
			box.insertBefore(bb.failed(failure, knocking), box.firstChild);
		});
	}

	function source(one) {
		var allow = bb.mayChange && one.blocked ? bb.button(bb.text('allow'), 'btn-default btn-sm', function (button) {
			bb.allow(button, one.address).then(function () {
				bb.byId('bb-knocking').focus();
			}, bb.quiet);
		}, one.address) : null;
		return bb.make('li', {'class': 'bb-source'}, [
			bb.make('span', {'class': 'bb-source-address'}, one.address),
			bb.make('span', {'class': 'bb-source-why'}, bb.why(one)),
			bb.make('span', {'class': 'bb-small'}, bb.when(one.last_blocked)),
			bb.make('span', {'class': 'bb-source-number'}, bb.text('packets', bb.number(one.blocked_packets))),
			bb.make('span', {}, allow)
		]);
	}

	// ---- The week ----

	function shape(name, attributes) {
		var element = document.createElementNS(SVG, name);
		Object.keys(attributes).forEach(function (key) {
			element.setAttribute(key, attributes[key]);
		});
		return element;
	}

	/** 168 hours up to the present one, also those of which nothing is known. */
	function slots(hours) {
		var packets = {}, now = Math.floor(Date.now() / HOUR), all = [];
		hours.forEach(function (hour) {
			packets[Math.floor(new Date(hour.at).getTime() / HOUR)] = hour.packets;
		});
		for (var at = now - SLOTS + 1; at <= now; at += 1) {
			all.push({at: new Date(at * HOUR).toISOString(), packets: packets[at] || 0});
		}
		return all;
	}

	function sum(hours) {
		return hours.reduce(function (all, hour) {
			return all + hour.packets;
		}, 0);
	}

	/** A bar for each hour, with a text for those who cannot see it. */
	function chart(hours) {
		var box = bb.byId('bb-chart'), most = 0, when = null;
		hours.forEach(function (hour) {
			if (hour.packets > most) {
				most = hour.packets;
				when = hour.at;
			}
		});
		var width = 336, height = 60, step = width / SLOTS;
		var text = most ? bb.text('chart_words', bb.number(sum(hours)), bb.number(most), bb.time(when)) : bb.text('chart_empty');
		var svg = shape('svg', {viewBox: '0 0 ' + width + ' ' + height, role: 'img', 'aria-label': text, 'class': 'bb-chart', preserveAspectRatio: 'none'});
		svg.appendChild(shape('line', {x1: 0, y1: height - 0.5, x2: width, y2: height - 0.5, 'class': 'bb-chart-base'}));
		hours.forEach(function (hour, at) {
			var high = most ? Math.max(hour.packets ? 1.5 : 0, hour.packets / most * (height - 4)) : 0;
			var bar = shape('rect', {x: at * step, y: height - high, width: step - 0.3, height: high, 'class': 'bb-chart-bar'});
			var title = shape('title', {});
			title.textContent = bb.time(hour.at) + ': ' + bb.number(hour.packets);
			bar.appendChild(title);
			svg.appendChild(bar);
		});
		bb.fill(box, [svg, bb.make('p', {'class': 'bb-small', 'aria-hidden': 'true'}, text)]);
	}

	/** The last 24 hours, and the 24 before. */
	function day(packets, hours) {
		var before = sum(hours.slice(-48, -24));
		var text = bb.text('day_words', bb.number(packets.day), bb.number(packets.day_sources));
		return before ? text + ' ' + bb.text('day_before', bb.number(before)) : text;
	}

	/** Who reached Asterisk all the same; nothing where nobody did, or the logs were not read yet. */
	function week(week) {
		var box = bb.byId('bb-week');
		box.hidden = !week.attackers;
		box.textContent = week.attackers ? bb.text('week_words', bb.number(week.attackers), bb.number(week.attempts), bb.number(week.unlisted)) : '';
	}

	bb.parts.push({
		panel: 'bb-panel-overview',
		start: function () {
			knocking();
		},
		show: knocking,
		refresh: knocking,
		status: function (status) {
			var packets = status.packets || {}, hours = slots(packets.hours || []);
			bb.byId('bb-packets-words').textContent = (status.set || {}).backend ? day(packets, hours) : bb.text('packets_unknown');
			week(status.week || {});
			chart(hours);
		}
	});
}(window.Banbridge));
