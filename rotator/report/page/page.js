(function () {
	'use strict';
	document.querySelectorAll('[hidden].scripted').forEach(function (e) { e.hidden = false; });
	document.querySelectorAll('button.copy').forEach(function (button) {
		button.addEventListener('click', function () {
			var text = document.getElementById(button.dataset.of).textContent;
			navigator.clipboard.writeText(text).then(
				function () { button.textContent = 'Copied'; },
				function () { getSelection().selectAllChildren(document.getElementById(button.dataset.of)); });
		});
	});
	var table = document.getElementById('accounts');
	if (!table) { return; }
	var body = table.tBodies[0];
	// The rows are read once: what sorting and filtering compare is kept beside them.
	var rows = Array.prototype.map.call(body.rows, function (row) {
		var cells = Array.prototype.map.call(row.cells, function (cell) { return cell.textContent.trim(); });
		return { row: row, cells: cells, name: cells[0].toLowerCase(), kind: row.className };
	});
	var shown = document.getElementById('shown');
	var wanted = document.getElementById('wanted');
	var kind = document.getElementById('kind');
	function filter() {
		var text = wanted.value.toLowerCase(), of = kind.value, n = 0;
		rows.forEach(function (r) {
			r.row.hidden = r.name.indexOf(text) < 0 || of !== '' && r.kind.split(' ').indexOf(of) < 0;
			if (!r.row.hidden) { n++; }
		});
		shown.textContent = n + ' of ' + rows.length + ' ' + (table.dataset.of || 'accounts') + ' shown';
	}
	wanted.addEventListener('input', filter);
	kind.addEventListener('change', filter);
	filter();
	function compare(column, numbers) {
		return function (a, b) {
			var x = a.cells[column], y = b.cells[column];
			if (x === '' || y === '') { return (x === '') - (y === ''); }
			return numbers ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0;
		};
	}
	Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
		var button = document.createElement('button');
		button.type = 'button';
		button.textContent = head.textContent;
		head.textContent = '';
		head.appendChild(button);
		button.addEventListener('click', function () {
			var down = head.getAttribute('aria-sort') === 'ascending';
			Array.prototype.forEach.call(table.tHead.rows[0].cells, function (other) { other.removeAttribute('aria-sort'); });
			head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
			rows.sort(compare(column, head.className === 'number'));
			if (down) { rows.reverse(); }
			var all = document.createDocumentFragment();
			rows.forEach(function (r) { all.appendChild(r.row); });
			body.appendChild(all);
		});
	});
})();
