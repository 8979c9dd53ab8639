const path = require('path');

module.exports = ({ baseDir }) => ({
  keys: 'lab',
  security: { csrf: false },
  logger: { dir: path.join(baseDir, 'logs') },
  @change@
});
