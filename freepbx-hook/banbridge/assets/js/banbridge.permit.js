// Only where you do business: countries and registries that are let in at the SIP ports, with a preview of who would be
// outside.
window.Banbridge = window.Banbridge || {};
(function (bb) {
	'use strict';

	/** The countries of each continent, by their codes. */
	var CONTINENTS = {
		africa: 'ao bf bi bj bw cd cf cg ci cm cv dj dz eg er et ga gh gm gn gq gw ke km lr ls ly ma mg ml mr mu mw mz na ne ng re rw sc sd sl sn so ss st sz td tg tn tz ug yt za zm zw',
		asia: 'ae af am az bd bh bn bt cn cy ge hk id il in iq ir jo jp kg kh kp kr kw kz la lb lk mm mn mo mv my np om ph pk ps qa sa sg sy th tj tl tm tr tw uz vn ye',
		europe: 'ad al at ax ba be bg by ch cz de dk ee es fi fo fr gb gg gi gr hr hu ie im is it je li lt lu lv mc md me mk mt nl no pl pt ro rs ru se si sk sm ua va',
		north_america: 'ag ai aw bb bl bm bq bs bz ca cr cu cw dm do gd gl gp gt hn ht jm kn ky lc mf mq ms mx ni pa pm pr sv sx tc tt us vc vg vi',
		south_america: 'ar bo br cl co ec fk gf gy pe py sr uy ve',
		oceania: 'as au ck fj fm gu ki mh mp nc nf nr nu nz pf pg pn pw sb tk to tv vu wf ws'
	};
	var REGISTRIES = ['arin', 'ripencc', 'apnic', 'lacnic', 'afrinic'];
	/** The lists of more countries are better fetched as a registry's. */
	var MOST = 40;

	function names() {
		var language = document.documentElement.lang || 'en';
		var display = window.Intl && Intl.DisplayNames ? new Intl.DisplayNames([language.replace('_', '-'), 'en'], {type: 'region'}) : null;
		return function (code) {
			return display ? display.of(code.toUpperCase()) : code.toUpperCase();
		};
	}

	function choice(kind, value, label) {
		var id = 'bb-permit-' + kind + '-' + value;
		return bb.make('li', {'data-bb-words': (label + ' ' + value).toLowerCase()}, [
			bb.make('input', {type: 'checkbox', id: id, value: value, 'data-bb-kind': kind}), ' ',
			bb.make('label', {'for': id}, label)
		]);
	}

	/** The groups of the picker: registries, then the countries of each continent. */
	function groups() {
		var name = names();
		var all = [bb.make('fieldset', {}, [
			bb.make('legend', {}, bb.text('permit_registries')),
			bb.make('ul', {'class': 'bb-choices'}, REGISTRIES.map(function (registry) {
				return choice('registry', registry, bb.text('registry_' + registry));
			}))
		])];
		Object.keys(CONTINENTS).forEach(function (continent) {
			var countries = CONTINENTS[continent].split(' ').map(function (code) {
				return {code: code, name: name(code)};
			}).sort(function (one, other) {
				return one.name.localeCompare(other.name);
			});
			all.push(bb.make('fieldset', {}, [
				bb.make('legend', {}, bb.text('continent_' + continent)),
				bb.make('ul', {'class': 'bb-choices'}, countries.map(function (country) {
					return choice('country', country.code, country.name);
				}))
			]));
		});
		return all;
	}

	/** Shows what matches, and always what is chosen. */
	function search(box, text) {
		var wanted = text.trim().toLowerCase();
		box.querySelectorAll('fieldset').forEach(function (group) {
			var any = false;
			group.querySelectorAll('li').forEach(function (item) {
				item.hidden = wanted !== '' && item.getAttribute('data-bb-words').indexOf(wanted) < 0 && !item.querySelector('input').checked;
				any = any || !item.hidden;
			});
			group.hidden = !any;
		});
	}

	/** What is chosen, as the program takes it: of one kind. */
	function chosen(box) {
		var of = {registry: [], country: []};
		box.querySelectorAll('input:checked').forEach(function (input) {
			of[input.getAttribute('data-bb-kind')].push(input.value);
		});
		if (of.registry.length && of.country.length || !of.registry.length && !of.country.length) {
			return null;
		}
		return of.registry.length ? 'registry:' + of.registry.join(',') : of.country.length > MOST ? null : 'country:' + of.country.join(',');
	}

	function open() {
		var box = bb.make('div', {'class': 'bb-picker'}, groups());
		var field = bb.field('bb-permit-search', bb.text('permit_search'), {type: 'search'});
		field.querySelector('input').addEventListener('input', function () {
			search(box, this.value);
		});
		var dialog = bb.dialog(bb.text('permit_title'), [bb.make('p', {}, bb.text('permit_words')), field, box]);
		dialog.action(bb.text('permit_preview'), 'btn-primary', function () {
			var words = chosen(box);
			if (!words) {
				bb.say(bb.text('permit_choose', bb.number(MOST)), 'error');
				return;
			}
			dialog.close();
			window.jQuery('#bb-dialog').one('hidden.bs.modal', function () {
				preview(words);
			});
		});
	}

	function ports(list) {
		return list ? list.map(function (one) {
			return one.protocol + ' ' + one.port;
		}).join(', ') : bb.text('permit_all_ports');
	}

	/** Who would be outside, and then the decision. */
	function preview(words) {
		var dialog = bb.dialog(bb.text('permit_preview_title'), bb.waiting(bb.text('permit_works')));
		bb.ask('permit_preview', {words: words}).then(function (answer) {
			var data = answer.data, failed = data.feeds.filter(function (feed) {
				return feed.error || !feed.networks;
			});
			dialog.fill(outside(data, failed));
			if (!failed.length && !dialog.closed()) {
				dialog.action(bb.text('permit_add'), 'btn-primary', function (button) {
					bb.change(button, 'permit_add', {words: words}, bb.text('permit_added')).then(dialog.close, bb.quiet);
				});
			}
		}, function (failure) {
			dialog.fill(bb.alert('danger', bb.wrong(failure)));
		});
	}

	function outside(data, failed) {
		var content = [bb.facts([
			[bb.text('permit_networks'), bb.text('permit_both', bb.number(data.networks[0]), bb.number(data.networks[1]))],
			[bb.text('permit_ports'), ports(data.ports)],
			[bb.text('permit_attackers'), bb.text('permit_attackers_of', bb.number(data.attackers_outside), bb.number(data.attackers))]
		])];
		if (failed.length) {
			content.unshift(bb.alert('danger', [bb.text('permit_failed'), bb.bullets(failed.map(function (feed) {
				return feed.feed;
			}), 10)]));
		}
		if (!data.networks[1]) {
			content.push(bb.alert('info', bb.text('permit_no_ipv6')));
		}
		if (data.you) {
			content.push(bb.alert('warning', bb.text('permit_you', data.you)));
		}
		if (data.callers_outside_total) {
			content.push(bb.alert('warning', [bb.text('permit_callers', bb.number(data.callers_outside_total)), bb.bullets(data.callers_outside.map(function (one) {
				return bb.text('permit_caller', one.address, bb.number(one.successes));
			}), 10)]));
		} else {
			content.push(bb.make('p', {}, bb.text('permit_no_callers')));
		}
		if (data.by_protection.length) {
			content.push(bb.make('p', {}, bb.text('permit_protected')), bb.bullets(data.by_protection.map(function (one) {
				return bb.text('check_protection', one.address, one.label || one.source);
			}), 10));
		}
		return content;
	}

	/** The line about what is in force. */
	function line(permit) {
		var box = bb.byId('bb-permit-line');
		box.hidden = !permit;
		if (permit && permit.in_force) {
			box.textContent = bb.text('permit_line', ports(permit.ports), bb.number(permit.size), bb.number(permit.outside_packets));
		} else if (permit) {
			box.textContent = bb.text('permit_not');
		}
	}

	bb.parts.push({
		panel: 'bb-panel-overview',
		start: function () {
			if (bb.mayChange) {
				bb.byId('bb-permit').addEventListener('click', open);
			}
		},
		status: function (status) {
			line(status.permit);
		}
	});
}(window.Banbridge));
