// FreePBX's own script, as far as modules depend on it.
(function ($) {
	'use strict';
	// The text of a toast is HTML, as in FreePBX. An unknown level shows nothing.
	window.fpbxToast = function (message, title, level) {
		level = level || 'info';
		if ($.inArray(level, ['info', 'warning', 'success', 'error', 'exception']) < 0) { return; }
		var box = $('<div class="toast-standin" role="status"></div>').addClass('toast-' + level);
		if (title) { box.append($('<strong></strong>').html(title)).append(' '); }
		box.append($('<span></span>').html(message)).appendTo('#toasts');
		setTimeout(function () { box.remove(); }, 5000);
	};
	$(function () {
		$('body').append('<div id="toasts" aria-live="polite"></div>');
		$('#user_logout').on('click', function (event) {
			event.preventDefault();
			$.get(window.location.pathname + '?logout=true', function () { window.location.reload(); });
		});
	});
	// An answer of 401 to any request logs the user out and reloads the page.
	$(document).ajaxError(function (event, answer) {
		if (answer.status === 401) {
			$.get(window.location.pathname + '?logout=true', function () { window.location.reload(); });
		}
	});
}(jQuery));
