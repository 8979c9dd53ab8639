// java PlainServer HOST PORT: the JDK's own server, as it comes.
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

public class PlainServer {
    public static void main(String[] args) throws Exception {
        var server = HttpServer.create(new InetSocketAddress(args[0], Integer.parseInt(args[1])), 0);
        server.createContext("/", exchange -> {
            exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(200, 2);
            try (var body = exchange.getResponseBody()) {
                body.write("hi".getBytes());
            }
        });
        server.start();
    }
}
