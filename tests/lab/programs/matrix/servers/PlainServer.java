// java PlainServer HOST PORT HASTY: the JDK's own server; its time-outs are system properties.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

public class PlainServer {
    record Plain(HttpExchange of) implements Targets.Exchange {
        public String path() {
            return of.getRequestURI().getPath();
        }

        public InputStream asked() {
            return of.getRequestBody();
        }

        public void announceLast() {
            of.getResponseHeaders().set("Connection", "close");
        }

        public OutputStream answer(int length) throws IOException {
            of.sendResponseHeaders(200, length);
            return of.getResponseBody();
        }
    }

    public static void main(String[] args) throws Exception {
        var server = HttpServer.create(new InetSocketAddress(args[0], Integer.parseInt(args[1])), 1024);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> Targets.serve(new Plain(exchange)));
        server.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> server.stop(2)));
    }
}
