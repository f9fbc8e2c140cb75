<h1><?php echo htmlspecialchars($name); ?></h1>
<table id="rows" data-toggle="table"><thead><tr><th data-field="a">A</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>
