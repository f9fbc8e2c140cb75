// The script in the head of FreePBX's pages: translation of the module's texts, and the URL of ajax.php.
function _(text) { return text; }
function textdomain() {}
function sprintf(format) {
	var values = Array.prototype.slice.call(arguments, 1);
	return format.replace(/%(?:(\d+)\$)?[sd]|%%/g, function (found, place) {
		return found === '%%' ? '%' : String(place ? values[place - 1] : values.shift());
	});
}
window.FreePBX = {
	ajaxurl: window.location.origin + window.location.pathname.replace(/[^\/]*$/, 'ajax.php'),
	params: {}
};
