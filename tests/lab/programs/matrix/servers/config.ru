# A Rack application for Puma. Targets: see README.md.
drip = Struct.new(:seconds) do
  def each
    yield 'x' * 500
    sleep seconds
    yield 'x' * 500
  end
end

run(lambda do |env|
  size = env['rack.input'].read.to_s.bytesize
  _, what, ms = env['PATH_INFO'].split('/')
  case what
  when 'wait' then sleep ms.to_i / 1000.0
  when 'drip' then next [200, { 'content-length' => '1000' }, drip.new(ms.to_i / 1000.0)]
  end
  body = what == 'read' ? size.to_s : 'hi'
  headers = { 'content-length' => body.bytesize.to_s }
  headers['connection'] = 'close' if what == 'last'
  [200, headers, [body]]
end)
