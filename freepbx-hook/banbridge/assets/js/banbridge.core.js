// Shared by all parts of the page: requests to the server, building elements, messages.
// Text from the server enters the page by textContent, or through escape() where a library needs HTML.
window.Banbridge = window.Banbridge || {};
(function (bb, $) {
	'use strict';

	bb.parts = bb.parts || [];

	// ---- Texts and numbers ----

	/** The text with this name, in the user's language. Each %s is replaced by the next argument. */
	bb.text = function (name) {
		var values = Array.prototype.slice.call(arguments, 1);
		var text = Object.prototype.hasOwnProperty.call(bb.strings, name) ? bb.strings[name] : name;
		return text.replace(/%s/g, function () {
			var value = values.shift();
			return value === undefined || value === null ? '' : String(value);
		});
	};

	/** The page's sentence for a code of the program and its values. */
	bb.sentence = function (coded) {
		var all = bb.sentences, code = coded && coded.code;
		var one = code + '_1', text = (coded && coded.number === 1 && all[one]) || all[code] || '{detail}';
		if (coded && coded.blocks) {
			text += ' ' + all['blocks_' + coded.blocks];
		}
		return fill(text, {
			feed: coded.feed, at: coded.at && bb.time(coded.at), detail: bb.plain(coded.detail),
			number: coded.number === undefined ? '' : bb.number(coded.number), limit: coded.limit === undefined ? '' : bb.number(coded.limit)
		}).trim();
	};

	/** The sentences for the protected addresses of a code. */
	bb.named = function (coded) {
		return (coded.listed || []).map(function (one) {
			return fill(bb.sentences.named, {feed: one.feeds.join(', '), address: one.address, why: one.why});
		});
	};

	function fill(text, values) {
		return text.replace(/\{([a-z]+)\}/g, function (whole, name) {
			return values[name] === undefined || values[name] === null ? '' : String(values[name]);
		});
	}

	/** Somebody else's words without the sentences that name a command: here are buttons. */
	bb.plain = function (text) {
		return String(text || '').split(/\. (?=[A-Z])/).filter(function (sentence) {
			return !/banbridge [a-z]|fwconsole |systemctl | --[a-z]/.test(sentence);
		}).join('. ');
	};

	bb.number = function (value) {
		return typeof value === 'number' ? value.toLocaleString() : '–';
	};

	/** A point in time, in the browser's time zone. */
	bb.time = function (iso) {
		var date = iso ? new Date(iso) : null;
		if (!date || isNaN(date.getTime())) {
			return '–';
		}
		return [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-') +
			' ' + two(date.getHours()) + ':' + two(date.getMinutes());
	};

	function two(number) {
		return (number < 10 ? '0' : '') + number;
	}

	/** The same with the time zone and, within a day, the distance from now. */
	bb.when = function (iso) {
		var date = iso ? new Date(iso) : null;
		if (!date || isNaN(date.getTime())) {
			return '–';
		}
		var zone = new Intl.DateTimeFormat([], {timeZoneName: 'short'}).formatToParts(date).filter(function (part) {
			return part.type === 'timeZoneName';
		}).map(function (part) {
			return ' ' + part.value;
		}).join('');
		var seconds = Math.round((date.getTime() - Date.now()) / 1000), distance = Math.abs(seconds);
		var name = seconds > 0 ? 'time_in' : 'time_ago', unit = distance < 60 ? 's' : distance < 3600 ? 'min' : 'h';
		var value = Math.floor(distance / {s: 1, min: 60, h: 3600}[unit]);
		return bb.time(iso) + zone + (distance < 86400 ? ' (' + bb.text(name, value + ' ' + unit) + ')' : '');
	};

	bb.escape = function (text) {
		var entities = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'};
		return String(text === undefined || text === null ? '' : text).replace(/[&<>"']/g, function (character) {
			return entities[character];
		});
	};

	// ---- Elements ----

	bb.byId = function (id) {
		return document.getElementById(id);
	};

	/** An element with attributes and children; strings become text. */
	bb.make = function (tag, attributes, children) {
		var element = document.createElement(tag);
		Object.keys(attributes || {}).forEach(function (name) {
			if (attributes[name] !== null && attributes[name] !== undefined && attributes[name] !== false) {
				element.setAttribute(name, attributes[name] === true ? '' : attributes[name]);
			}
		});
		[].concat(children === undefined ? [] : children).forEach(function (child) {
			if (child !== null && child !== undefined) {
				element.appendChild(typeof child === 'object' ? child : document.createTextNode(String(child)));
			}
		});
		return element;
	};

	/** Replaces the children of the element. */
	bb.fill = function (element, children) {
		while (element.firstChild) {
			element.removeChild(element.firstChild);
		}
		[].concat(children).forEach(function (child) {
			if (child !== null && child !== undefined) {
				element.appendChild(typeof child === 'object' ? child : document.createTextNode(String(child)));
			}
		});
	};

	bb.button = function (label, classes, action, about) {
		var button = bb.make('button', {type: 'button', 'class': 'btn ' + classes}, label);
		if (about) {
			button.setAttribute('aria-label', label + ' ' + about);
		}
		button.addEventListener('click', function () {
			action(button);
		});
		return button;
	};

	/** A list of names and values. Pairs without a value are left out. */
	bb.facts = function (pairs) {
		var list = bb.make('dl', {'class': 'bb-facts'});
		pairs.forEach(function (pair) {
			if (pair && pair[1] !== null && pair[1] !== undefined && pair[1] !== '') {
				list.appendChild(bb.make('div', {}, [bb.make('dt', {}, pair[0]), bb.make('dd', {}, pair[1])]));
			}
		});
		return list;
	};

	bb.bullets = function (lines, most) {
		var shown = lines.slice(0, most || lines.length);
		var items = shown.map(function (line) {
			return bb.make('li', {}, line);
		});
		if (shown.length < lines.length) {
			items.push(bb.make('li', {}, bb.text('and_more', bb.number(lines.length - shown.length))));
		}
		return bb.make('ul', {}, items);
	};

	bb.alert = function (kind, children) {
		return bb.make('div', {'class': 'bb-alert alert alert-' + kind}, children);
	};

	// ---- Messages ----

	/** Shows a message for a moment and announces it to screen readers. */
	bb.say = function (message, level) {
		var live = bb.byId('bb-live');
		live.textContent = '';
		window.setTimeout(function () {
			live.textContent = message;
		}, 50);
		if (typeof window.fpbxToast === 'function') {
			// FreePBX prints it as HTML.
			window.fpbxToast(bb.escape(message), '', level || 'success');
		}
	};

	// ---- Requests ----

	/**
	 * Sends a request to the server. The promise resolves with the whole answer when the program succeeded. It rejects
	 * with an Error that has the program's message.
	 */
	bb.ask = function (command, fields) {
		var url = (window.FreePBX && window.FreePBX.ajaxurl) || 'ajax.php';
		return new Promise(function (resolve, reject) {
			$.ajax({
				url: url + '?module=banbridge&command=' + encodeURIComponent(command),
				method: 'POST',
				type: 'POST',
				dataType: 'json',
				data: fields || {},
				headers: {'X-Banbridge-Token': bb.token},
				global: false
			}).done(function (answer) {
				if (answer && answer.status) {
					resolve(answer);
					return;
				}
				var message = (answer && (answer.message || answer.error)) || bb.text('no_answer');
				reject(bb.failure(message, answer));
			}).fail(function (request) {
				var answer = request.responseJSON;
				var message = answer && (answer.message || answer.error);
				var gone = request.status === 401;
				var failure = bb.failure(gone ? bb.text('logged_out') : typeof message === 'string' ? message :
					bb.text(request.status === 0 ? 'unreachable' : 'no_answer'), answer);
				// Both are mended by loading the page again: it asks for the login, or has a new token.
				failure.reload = gone || request.status === 403 || request.status === 200;
				reject(failure);
			});
		});
	};

	bb.failure = function (message, answer) {
		var failure = new Error(bb.plain(message) || bb.text('failed'));
		failure.answer = answer || null;
		return failure;
	};

	/** What went wrong, in the page's words, and behind it what the program says of it. */
	bb.wrong = function (failure) {
		var code = failure.answer && failure.answer.code, name = 'exit_' + code;
		var known = Object.prototype.hasOwnProperty.call(bb.strings, name);
		return [known ? bb.make('strong', {}, bb.text(name)) : null, known ? ' ' : null, failure.message];
	};

	/** What to say in place of an answer, with the way on: to log in again, or to try again. */
	bb.failed = function (failure, again) {
		var button = failure.reload ? bb.button(bb.text('reload_page'), 'btn-default btn-sm', function () {
			window.location.reload();
		}) : again ? bb.button(bb.text('try_again'), 'btn-default btn-sm', again) : null;
		return bb.alert('danger', bb.wrong(failure).concat(' ', button));
	};

	/** Marks the button as busy while the promise is pending, and shows the message of a failure. */
	bb.busy = function (button, promise) {
		if (button) {
			button.disabled = true;
			button.setAttribute('aria-busy', 'true');
		}
		var done = function () {
			if (button) {
				button.disabled = false;
				button.removeAttribute('aria-busy');
			}
		};
		return promise.then(function (answer) {
			done();
			return answer;
		}, function (failure) {
			done();
			bb.say(failure.message, 'error');
			throw failure;
		});
	};

	/** For promises whose failure was already shown. */
	bb.quiet = function () {
	};

	/** An action that changes something: shows a message and refreshes the page. */
	bb.change = function (button, command, fields, message) {
		return bb.busy(button, bb.ask(command, fields)).then(function (answer) {
			bb.say(typeof message === 'function' ? message(answer.data) : message);
			bb.changed();
			return answer;
		});
	};

	/** Something has changed: refreshes every visible part, except the one that already did so. */
	bb.changed = function (except) {
		bb.parts.forEach(function (part) {
			if (part.refresh && part !== except) {
				part.refresh();
			}
		});
	};

	// ---- The dialog ----

	/**
	 * Opens the dialog. The focus moves into it, and back when it is closed.
	 *
	 * @return {fill, action, close, closed()}; action() returns its button
	 */
	bb.dialog = function (title, children) {
		var before = document.activeElement;
		var $dialog = $('#bb-dialog');
		var footer = bb.byId('bb-dialog-actions');
		var closed = false;
		bb.byId('bb-dialog-title').textContent = title;
		bb.fill(bb.byId('bb-dialog-body'), children);
		bb.fill(footer, []);
		var dialog = {
			fill: function (content) {
				bb.fill(bb.byId('bb-dialog-body'), content);
			},
			action: function (label, classes, action) {
				return footer.insertBefore(bb.button(label, classes, action), footer.firstChild);
			},
			close: function () {
				$dialog.modal('hide');
			},
			closed: function () {
				return closed;
			}
		};
		footer.appendChild(bb.button(bb.text('close'), 'btn-default', dialog.close));
		$dialog.off('.bb').on('hidden.bs.modal.bb', function () {
			closed = true;
			if (before && document.body.contains(before)) {
				before.focus();
			}
		}).on('shown.bs.modal.bb', function () {
			bb.byId('bb-dialog-title').focus();
		});
		$dialog.modal('show');
		return dialog;
	};

	/** A field of a form with its label and a hint. `options` makes it a choice: pairs of value and label. */
	bb.field = function (id, label, attributes, hint, options) {
		var shared = Object.assign({id: id, name: id, 'class': 'form-control', 'aria-describedby': hint ? id + '-hint' : null}, attributes);
		var input = options ? bb.make('select', shared, options.map(function (option) {
			return bb.make('option', {value: option[0]}, option[1]);
		})) : bb.make('input', Object.assign({type: 'text', autocomplete: 'off'}, shared));
		var children = [bb.make('label', {'for': id}, label), input];
		if (hint) {
			children.push(bb.make('span', {'class': 'help-block bb-small', id: id + '-hint'}, hint));
		}
		return bb.make('div', {'class': 'form-group'}, children);
	};

	bb.waiting = function (text) {
		return bb.make('p', {'class': 'bb-waiting', role: 'status'}, [bb.make('span', {'class': 'bb-spinner', 'aria-hidden': 'true'}), ' ', text]);
	};

	// ---- Tabs: by mouse, and by the arrow keys as in the ARIA pattern ----

	function tabs() {
		var all = Array.prototype.slice.call(document.querySelectorAll('#banbridge [role="tab"]'));
		function show(tab, focus) {
			all.forEach(function (other) {
				var on = other === tab;
				other.setAttribute('aria-selected', on ? 'true' : 'false');
				other.tabIndex = on ? 0 : -1;
				// Bootstrap 3 reads the class of the item, Bootstrap 4 that of the link.
				other.classList.toggle('active', on);
				other.parentNode.classList.toggle('active', on);
				bb.byId(other.getAttribute('aria-controls')).hidden = !on;
			});
			if (focus) {
				tab.focus();
			}
			bb.parts.forEach(function (part) {
				if (part.panel === tab.getAttribute('aria-controls') && part.show) {
					part.show();
				}
			});
		}
		bb.showTab = function (panel, focus) {
			all.forEach(function (tab) {
				if (tab.getAttribute('aria-controls') === panel) {
					show(tab, focus);
				}
			});
		};
		all.forEach(function (tab, at) {
			tab.addEventListener('click', function (event) {
				event.preventDefault();
				show(tab, true);
			});
			tab.addEventListener('keydown', function (event) {
				var to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1}[event.key];
				if (event.key === ' ' || event.key === 'Enter') {
					event.preventDefault();
					show(tab, true);
				} else if (to !== undefined) {
					event.preventDefault();
					show(all[(to + all.length) % all.length], true);
				}
			});
		});
	}

	/** The colour of FreePBX's theme, which may be branded: that of its buttons. */
	function theme() {
		var button = document.querySelector('#banbridge .btn');
		if (button) {
			bb.byId('banbridge').style.setProperty('--bb-theme', window.getComputedStyle(button).borderTopColor);
		}
	}

	/** Whether this panel is visible. */
	bb.shown = function (panel) {
		return !bb.byId(panel).hidden;
	};

	$(function () {
		var given = bb.byId('bb-given');
		if (!given) {
			return;
		}
		given = JSON.parse(given.textContent);
		bb.strings = given.strings;
		bb.sentences = given.sentences;
		bb.configured = given.configured;
		bb.token = given.token;
		bb.mayChange = given.may_change;
		bb.address = given.address;
		var dead = bb.byId('bb-dead');
		dead.parentNode.removeChild(dead);
		theme();
		tabs();
		bb.parts.forEach(function (part) {
			part.start();
		});
	});
}(window.Banbridge, window.jQuery));
