// java TomcatServer HOST PORT HASTY DIRECTORY: Tomcat, embedded.
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

public class TomcatServer {
    record Exchange(HttpServletRequest request, HttpServletResponse response) implements Targets.Exchange {
        public String path() {
            return request.getRequestURI();
        }

        public InputStream asked() throws IOException {
            return request.getInputStream();
        }

        public void announceLast() {
            response.setHeader("Connection", "close");
        }

        public OutputStream answer(int length) throws IOException {
            response.setContentLength(length);
            return response.getOutputStream();
        }
    }

    public static void main(String[] args) throws Exception {
        String limit = args[2].equals("1") ? "2000" : "120000";
        var connector = new Connector();
        connector.setPort(Integer.parseInt(args[1]));
        connector.setProperty("address", args[0]);
        connector.setProperty("connectionTimeout", limit);
        connector.setProperty("keepAliveTimeout", limit);
        connector.setProperty("maxKeepAliveRequests", "-1");
        connector.setProperty("maxThreads", "300");
        connector.setProperty("acceptCount", "1024");
        var tomcat = new Tomcat();
        tomcat.setBaseDir(args[3]);
        tomcat.setConnector(connector);
        var context = tomcat.addContext("", args[3]);
        Tomcat.addServlet(context, "targets", new HttpServlet() {
            @Override
            protected void service(HttpServletRequest request, HttpServletResponse response) throws IOException {
                Targets.serve(new Exchange(request, response));
            }
        });
        context.addServletMappingDecoded("/*", "targets");
        tomcat.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                tomcat.stop();
            } catch (Exception late) {
                System.err.println(late);
            }
        }));
        tomcat.getServer().await();
    }
}
