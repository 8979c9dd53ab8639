// node stalled.js URL MS: a chunked PUT whose body stalls; the socket's timeout ends it. Prints the error's code.
const http = require('http');
const [url, limit] = process.argv.slice(2);
const request = http.request(url, { method: 'PUT' });
request.on('error', (error) => console.log(error.code));
request.setTimeout(Number(limit), () => request.destroy());
request.write('foo');
