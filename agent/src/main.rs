use whohungup::probe::*;
fn main() { tracing_subscriber::fmt().with_env_filter("whohungup=debug").init();
    let mut p = Probes::load(LoadOptions{tier: Tier::Http, ring_bytes: 1<<20}).unwrap_or_else(|e| {eprintln!("{e}"); std::process::exit(1)});
    p.attach().unwrap();
    let w = p.walk().unwrap(); println!("{} {:?} {:?}", w.sockets.len(), w.clock, w.failed);
    let mut ev = p.take_events().unwrap();
    for _ in 0..50 { std::thread::sleep(std::time::Duration::from_millis(100));
      while let Some(i) = ev.next() { let (r, n) = whohungup_ebpf::decode::decode(&i).unwrap(); assert_eq!(n, i.len());
        match r { whohungup_ebpf::decode::Record::Exchange(e) => { let x=&e.exchange; println!("X proto {} req {} last {} flags {} seg {} {:?} {:?}", x.protocol,x.request_direction,x.last_direction,x.flags,x.segments, String::from_utf8_lossy(&x.streams[0].head[..x.streams[0].head_len as usize]), String::from_utf8_lossy(&x.streams[1].head[..x.streams[1].head_len as usize])) }, r => println!("{r:?}") } } }
    println!("{:?}", p.counters());
}
