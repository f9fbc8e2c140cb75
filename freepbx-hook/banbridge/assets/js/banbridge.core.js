// What all parts of the page share: asking the server, building elements, saying things.
// Text from the server gets into the page by textContent, or through escape() where a library wants HTML.
window.Banbridge = window.Banbridge || {};
(function (bb, $) {
	'use strict';

	bb.parts = bb.parts || [];

	// ---- Words and numbers ----

	/** The text of that name, in the user's language; each %s is replaced by the next argument. */
	bb.text = function (name) {
		var words = Array.prototype.slice.call(arguments, 1);
		var text = Object.prototype.hasOwnProperty.call(bb.strings, name) ? bb.strings[name] : name;
		return text.replace(/%s/g, function () {
			var word = words.shift();
			return word === undefined || word === null ? '' : String(word);
		});
	};

	bb.number = function (value) {
		return typeof value === 'number' ? value.toLocaleString() : '–';
	};

	/** A point of time as people write it where the browser is. */
	bb.time = function (iso) {
		var date = iso ? new Date(iso) : null;
		if (!date || isNaN(date.getTime())) {
			return '–';
		}
		return date.toLocaleString([], {year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit'});
	};

	bb.escape = function (text) {
		var signs = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'};
		return String(text === undefined || text === null ? '' : text).replace(/[&<>"']/g, function (sign) {
			return signs[sign];
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

	/** Puts these children in the place of what is there. */
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

	/** A list of names and what belongs to them; pairs without a value are left out. */
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

	// ---- Saying things ----

	/** Shows it for a moment, and has screen readers say it. */
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

	// ---- Asking ----

	/**
	 * Asks the server. The promise is kept with the whole answer where the program did it, and broken with an Error
	 * whose message is what the program said.
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
				var words = answer && (answer.message || answer.error);
				reject(bb.failure(typeof words === 'string' ? words : bb.text('no_answer'), answer));
			});
		});
	};

	bb.failure = function (message, answer) {
		var failure = new Error(message);
		failure.answer = answer || null;
		return failure;
	};

	/** Marks the button as busy while the promise is open, and says what went wrong. */
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

	/** For promises whose failure was said already. */
	bb.quiet = function () {
	};

	/** An action that changes something: says what it did, and has the page look again. */
	bb.change = function (button, command, fields, said) {
		return bb.busy(button, bb.ask(command, fields)).then(function (answer) {
			bb.say(typeof said === 'function' ? said(answer.data) : said);
			bb.changed();
			return answer;
		});
	};

	/** Something is another than before: every part that is shown looks again, but for one that did. */
	bb.changed = function (except) {
		bb.parts.forEach(function (part) {
			if (part.refresh && part !== except) {
				part.refresh();
			}
		});
	};

	// ---- The dialogue ----

	/**
	 * Opens the dialogue; the focus goes into it, and back to where it was when it is closed.
	 *
	 * @return {fill, action, close, closed()}
	 */
	bb.dialogue = function (title, children) {
		var before = document.activeElement;
		var $dialogue = $('#bb-dialogue');
		var footer = bb.byId('bb-dialogue-actions');
		var closed = false;
		bb.byId('bb-dialogue-title').textContent = title;
		bb.fill(bb.byId('bb-dialogue-body'), children);
		bb.fill(footer, []);
		var dialogue = {
			fill: function (content) {
				bb.fill(bb.byId('bb-dialogue-body'), content);
			},
			action: function (label, classes, action) {
				footer.insertBefore(bb.button(label, classes, action), footer.firstChild);
			},
			close: function () {
				$dialogue.modal('hide');
			},
			closed: function () {
				return closed;
			}
		};
		footer.appendChild(bb.button(bb.text('close'), 'btn-default', dialogue.close));
		$dialogue.off('.bb').on('hidden.bs.modal.bb', function () {
			closed = true;
			if (before && document.body.contains(before)) {
				before.focus();
			}
		}).on('shown.bs.modal.bb', function () {
			bb.byId('bb-dialogue-title').focus();
		});
		$dialogue.modal('show');
		return dialogue;
	};

	bb.waiting = function (text) {
		return bb.make('p', {'class': 'bb-waiting', role: 'status'}, [bb.make('span', {'class': 'bb-spinner', 'aria-hidden': 'true'}), ' ', text]);
	};

	// ---- Tabs: by mouse, and by the arrow keys as the pattern of ARIA has it ----

	function tabs() {
		var all = Array.prototype.slice.call(document.querySelectorAll('#banbridge [role="tab"]'));
		function show(tab, focus) {
			all.forEach(function (other) {
				var on = other === tab;
				other.setAttribute('aria-selected', on ? 'true' : 'false');
				other.tabIndex = on ? 0 : -1;
				// Bootstrap 3 looks at the item, Bootstrap 4 at the link.
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

	/** Whether the panel is the one that is shown. */
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
		bb.token = given.token;
		bb.mayChange = given.may_change;
		bb.address = given.address;
		tabs();
		bb.parts.forEach(function (part) {
			part.start();
		});
	});
}(window.Banbridge, window.jQuery));
