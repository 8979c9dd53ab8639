//! Names in command lines and paths, and what they stand for. Only words of the table of timeouts are kept, so
//! that nothing else of a command line leaves this module.

use crate::products::Products;

/// Most arguments that are looked at.
const MOST_ARGUMENTS: usize = 256;
/// Most entries of one class path.
const MOST_ENTRIES: usize = 2048;

/// Words that name products, each once, in the order in which they were found. Their number is bounded by the table.
#[derive(Debug)]
pub struct Words<'a> {
    products: &'a Products,
    found: Vec<String>,
    depends: Vec<String>,
}

impl<'a> Words<'a> {
    pub const fn new(products: &'a Products) -> Self {
        Self { products, found: Vec::new(), depends: Vec::new() }
    }

    #[cfg(test)]
    pub fn into_found(self) -> Vec<String> {
        self.found
    }

    /// What was found, and what was only asked for.
    pub fn into_both(self) -> (Vec<String>, Vec<String>) {
        (self.found, self.depends)
    }

    /// A package that an application asks for.
    pub fn offer_dependency(&mut self, name: &str) {
        if let Some(word) = self.word(name)
            && !self.depends.iter().any(|found| found == word)
        {
            self.depends.push(word.to_owned());
        }
    }

    fn word(&self, name: &str) -> Option<&'a str> {
        let is_short = !name.is_empty() && name.len() <= 128;
        self.products.word(&name.to_ascii_lowercase()).filter(|_| is_short)
    }

    fn offer(&mut self, name: &str) {
        if let Some(word) = self.word(name)
            && !self.found.iter().any(|found| found == word)
        {
            self.found.push(word.to_owned());
        }
    }

    /// A module, a class or an object in one: `uvicorn.workers.UvicornWorker`. The whole name and each part of it.
    fn offer_dotted(&mut self, name: &str) {
        let name = name.split(':').next().unwrap_or(name);
        self.offer(name);
        name.split('.').take(16).for_each(|part| self.offer(part));
    }

    /// A script: its name without an ending, and the module that it lies in.
    fn offer_script(&mut self, path: &str) {
        let name = base_name(path);
        self.offer(name);
        self.offer(stem(name));
        self.offer(base_name_without_version(stem(name)));
        self.offer_module_directory(path);
    }

    /// The directory that a package manager made for a module: `.../site-packages/gevent/_queue.so`.
    pub fn offer_module_directory(&mut self, path: &str) {
        const HOLDERS: [&str; 4] = ["site-packages", "dist-packages", "node_modules", "gems"];
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            if let (true, Some(module)) = (HOLDERS.contains(&part), parts.peek()) {
                // A file right there is a module by itself; a gem's directory ends in its version.
                let module = module.split(".cpython").next().unwrap_or(module);
                self.offer(module);
                self.offer(stem(module));
                self.offer(without_dashed_version(module));
                if module.starts_with('@')
                    && let Some(name) = parts.clone().nth(1)
                {
                    self.offer(&format!("{module}/{name}"));
                }
            }
        }
    }

    /// A jar: `jetty-server-9.4.57.v20241219.jar` is `jetty-server`.
    pub fn offer_jar(&mut self, path: &str) {
        if let Some(name) = base_name(path).strip_suffix(".jar") {
            self.offer(name);
            self.offer(without_dashed_version(name));
        }
    }

    /// A command line, as its runtime reads it.
    pub fn offer_command_line(&mut self, arguments: &[String], runtime: Option<&str>) {
        let mut arguments = arguments.iter().take(MOST_ARGUMENTS).map(String::as_str);
        let Some(first) = arguments.next() else { return };
        // A process that gives itself a title has it here: `gunicorn: worker [app:app]`, `puma 6.4.2 (...) [app]`.
        let title = first.split([':', ' ']).next().unwrap_or(first);
        self.offer_script(title);
        match runtime {
            Some("java") => self.offer_java(arguments),
            Some("python") => self.offer_python(arguments),
            Some(_) => self.offer_first_script(arguments),
            None => {}
        }
    }

    /// `python [-X opt] script.py ...`, `python -m module ...`, and the workers in a server's options.
    fn offer_python<'b>(&mut self, mut arguments: impl Iterator<Item = &'b str>) {
        while let Some(argument) = arguments.next() {
            match argument {
                "-m" => {
                    if let Some(module) = arguments.next() {
                        self.offer_dotted(module);
                    }
                    break;
                }
                "-c" => return,
                "-X" | "-W" => {
                    arguments.next();
                }
                _ if argument.starts_with("-m") => {
                    self.offer_dotted(&argument[2..]);
                    break;
                }
                _ if argument.starts_with('-') => {}
                script => {
                    self.offer_script(script);
                    break;
                }
            }
        }
        // Only gunicorn has these; others' arguments are their own affair.
        if !self.found.iter().any(|word| word == "gunicorn") {
            return;
        }
        while let Some(argument) = arguments.next() {
            let class = match argument {
                "-k" | "--worker-class" => arguments.next(),
                _ => argument.strip_prefix("--worker-class=").or_else(|| argument.strip_prefix("-k")),
            };
            if let Some(class) = class {
                self.offer_dotted(class);
            }
        }
    }

    /// `java [-cp path] [-jar file] Main ...`.
    fn offer_java<'b>(&mut self, mut arguments: impl Iterator<Item = &'b str>) {
        while let Some(argument) = arguments.next() {
            match argument {
                "-cp" | "-classpath" | "--class-path" | "-p" | "--module-path" => {
                    let path = arguments.next().unwrap_or_default();
                    path.split(':').take(MOST_ENTRIES).for_each(|entry| self.offer_jar(entry));
                }
                "-jar" => {
                    self.offer_jar(arguments.next().unwrap_or_default());
                    return;
                }
                "-m" | "--module" => {
                    let module = arguments.next().unwrap_or_default();
                    module.split('/').for_each(|part| self.offer_dotted(part));
                    return;
                }
                _ if argument.starts_with("-D") => self.offer_property(&argument[2..]),
                _ if argument.starts_with('-') => {}
                main => {
                    self.offer_dotted(main);
                    return;
                }
            }
        }
    }

    /// A property that only one library reads: `jdk.httpclient.keepalive.timeout=3`.
    fn offer_property(&mut self, property: &str) {
        let name = property.split('=').next().unwrap_or(property);
        for (end, _) in name.match_indices('.').take(16) {
            self.offer(&name[..end]);
        }
    }

    /// `node [options] script.js ...`, `ruby script`, `php -S`, `dotnet app.dll`: the first that is no option.
    fn offer_first_script<'b>(&mut self, mut arguments: impl Iterator<Item = &'b str>) {
        if let Some(script) = arguments.find(|argument| !argument.starts_with('-')) {
            self.offer_script(script);
        }
    }
}

/// The file that `node [options] script.js ...` runs.
pub fn script(arguments: &[String]) -> Option<&str> {
    let mut arguments = arguments.iter().take(MOST_ARGUMENTS).map(String::as_str).skip(1);
    arguments.find(|argument| !argument.starts_with('-'))
}

/// Whether this is a process that Python's multiprocessing started: only its parent's command line tells what it is.
pub fn is_spawned_by_python(arguments: &[String]) -> bool {
    arguments
        .iter()
        .take(MOST_ARGUMENTS)
        .skip_while(|argument| *argument != "-c")
        .nth(1)
        .is_some_and(|code| code.starts_with("from multiprocessing.spawn import "))
}

/// The runtime that an executable of this name is, without regard to a version at its end.
pub fn runtime_of(name: &str) -> Option<&'static str> {
    Some(match base_name_without_version(name) {
        "node" | "nodejs" | "MainThread" | "node-MainThread" => "node",
        "bun" => "bun",
        "deno" => "deno",
        "python" | "pypy" => "python",
        "java" => "java",
        "ruby" | "jruby" => "ruby",
        "dotnet" => "dotnet",
        "php" | "php-fpm" | "php-cgi" => "php",
        "perl" => "perl",
        "beam.smp" => "erlang",
        _ => return None,
    })
}

/// The runtime that a mapped library of this name belongs to.
pub fn runtime_of_library(name: &str) -> Option<&'static str> {
    const LIBRARIES: [(&str, &str); 6] = [
        ("libjvm.so", "java"),
        ("libcoreclr.so", "dotnet"),
        ("libnode.so", "node"),
        ("libpython", "python"),
        ("libruby", "ruby"),
        ("libphp", "php"),
    ];
    LIBRARIES.iter().find(|(library, _)| name.starts_with(library)).map(|(_, runtime)| *runtime)
}

/// `python3.11` is `python`, `php-fpm8.2` is `php-fpm`; `apache2` becomes `apache`, so try the whole name first.
pub fn base_name_without_version(name: &str) -> &str {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
    if bare.is_empty() { name } else { bare }
}

pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn stem(name: &str) -> &str {
    const ENDINGS: [&str; 10] = [".py", ".pyc", ".js", ".mjs", ".cjs", ".ts", ".rb", ".php", ".dll", ".so"];
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// `jetty-server-9.4.57` is `jetty-server`: up to the first dash that a digit follows.
fn without_dashed_version(name: &str) -> &str {
    let dash = name
        .match_indices('-')
        .find(|(at, _)| name.as_bytes().get(at + 1).is_some_and(u8::is_ascii_digit))
        .map(|(at, _)| at);
    dash.map_or(name, |at| &name[..at])
}

#[cfg(test)]
mod tests;
